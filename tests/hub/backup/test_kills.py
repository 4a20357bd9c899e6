"""A restore that is killed leaves the database as it was, at whatever moment it is killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from tests.hub.onchain import World, until

from .hubs import Hub, killed_when

MANY = """
INSERT INTO verdicts SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 1, sha256(n::text::bytea), 1
FROM generate_series(1, 60000) AS n
"""
LOADING = """
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE datname = $1 AND backend_xid IS NOT NULL AND query LIKE 'COPY%')
"""
"""In its transaction, and at the tables' rows."""
CONNECTED = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend')
"""


@asynccontextmanager
async def chain_that_stops_at(
    method: str, rpc_url: str
) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A way to the chain on which a call of this method is never answered; the event tells it."""
    reached, over = asyncio.Event(), asyncio.Event()

    async def pass_on(request: web.Request) -> web.Response:
        body = await request.read()
        if method.encode() in body:
            reached.set()
            await over.wait()
            raise web.HTTPServiceUnavailable
        headers = {"Content-Type": "application/json"}
        async with session.post(rpc_url, data=body, headers=headers) as answer:
            return web.Response(body=await answer.read(), content_type="application/json")

    app = web.Application()
    app.router.add_post("/", pass_on)
    runner = web.AppRunner(app)
    async with aiohttp.ClientSession() as session:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield site.name, reached
        finally:
            over.set()
            await runner.cleanup()


@pytest.mark.parametrize("replacing", [False, True])
async def test_killed_while_it_loads(
    world: World, hub: Hub, spare: Hub, tmp_path: Path, replacing: bool
) -> None:
    if replacing:
        await spare.restore(await hub.back_up(world, tmp_path / "a"))
    tables = await spare.tables()
    state = await spare.rows("hub_state") if replacing else []
    verdicts = await spare.rows("verdicts") if replacing else []
    await world.pool.execute(MANY)
    backup = await hub.back_up(world, tmp_path / "b")
    base, _, database = spare.url.rpartition("/")
    observer = await asyncpg.connect(f"{base}/postgres")
    try:
        process = await spare.spawn("restore", backup, "--replace")

        async def loading() -> bool:
            return bool(await observer.fetchval(LOADING, database))

        async def alone() -> bool:
            return not await observer.fetchval(CONNECTED, database)

        await killed_when(process, loading)
        await until(alone)
    finally:
        await observer.close()
    assert await spare.tables() == tables
    if replacing:
        assert await spare.rows("hub_state") == state
        assert await spare.rows("verdicts") == verdicts
    await spare.restore(backup, replace=replacing)
    assert len(await spare.rows("verdicts")) >= 60_000


@pytest.mark.parametrize("replacing", [False, True])
async def test_killed_while_it_reads_the_chain(
    world: World, hub: Hub, spare: Hub, tmp_path: Path, replacing: bool
) -> None:
    """All is loaded and the epoch is drawn, but a hub must not run on it yet."""
    backup = await hub.back_up(world, tmp_path / "b")
    if replacing:
        await spare.restore(backup)
    tables = await spare.tables()
    state = await spare.rows("hub_state") if replacing else []
    async with chain_that_stops_at("getSignaturesForAddress", spare.rpc_url) as (url, reached):
        spare.follow(url)
        process = await spare.spawn("restore", backup, "--replace")

        async def waiting() -> bool:
            return reached.is_set()

        await killed_when(process, waiting)
    assert await spare.tables() == tables
    if replacing:
        assert await spare.rows("hub_state") == state
