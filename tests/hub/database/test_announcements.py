"""Processes wake each other through the database."""

import asyncio

import asyncpg
import pytest
from tests.hub.onchain import running

from gridtokenx_hub.database import announcements
from gridtokenx_hub.database.announcements import WakeUp

PATIENCE_S = 30
LISTENER = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE query LIKE 'LISTEN%' AND datname = current_database() AND pid <> $1"
)


async def listens(pool: asyncpg.Pool, but: int = 0) -> int:
    """Wait until somebody listens, except this process of the server; return which does."""
    async with asyncio.timeout(PATIENCE_S):
        while not (process := await pool.fetchval(LISTENER, but)):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
    return int(process)


async def heard(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), PATIENCE_S)
    event.clear()


@pytest.fixture(autouse=True)
def never_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "LOOK_AGAIN_S", 1000.0)


async def test_an_announcement_wakes(pool: asyncpg.Pool) -> None:
    woken = asyncio.Event()
    async with running(WakeUp(pool, "test", woken.set)):
        await listens(pool)
        await pool.execute("NOTIFY test")
        await heard(woken)


async def test_a_broken_link_is_made_again(pool: asyncpg.Pool) -> None:
    woken = asyncio.Event()
    async with running(WakeUp(pool, "test", woken.set)):
        process = await listens(pool)
        await pool.execute("SELECT pg_terminate_backend($1)", process)
        await listens(pool, but=process)
        woken.clear()
        await pool.execute("NOTIFY test")
        await heard(woken)


async def test_one_that_was_lost_is_made_up_for(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "LOOK_AGAIN_S", 0.01)
    woken = asyncio.Event()
    async with running(WakeUp(pool, "test", woken.set)):
        await heard(woken)
