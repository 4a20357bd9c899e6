"""One process at a time does a job: a session's advisory lock in the hub's own database."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection | PoolConnectionProxy"

LOCK_CLASS = 0x475458  # "GTX": keeps these locks apart from those of others in a shared database
TRY_LOCK = "SELECT pg_try_advisory_lock($1, $2)"
DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

logger = logging.getLogger(__name__)


class Job(IntEnum):
    """Jobs that have one leader."""

    INDEXER = 1
    SETTLEMENT = 2


@asynccontextmanager
async def lead(pool: asyncpg.Pool, job: Job, retry_s: float) -> AsyncIterator[Connection]:
    """Wait until this process leads `job`; yield the connection that holds the lock.

    Whoever leads writes through that connection alone: when it breaks, the lock and the right to
    write are gone together.
    """
    async with pool.acquire() as connection:
        # The lock is asked for, not waited for: a waiting query would run into its time limit.
        while not await connection.fetchval(TRY_LOCK, LOCK_CLASS, int(job)):  # noqa: ASYNC110 - the leader may be another process
            await asyncio.sleep(retry_s)
        logger.info("this process leads the %s", job.name.lower())
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await connection.execute("SELECT pg_advisory_unlock($1, $2)", LOCK_CLASS, int(job))


async def lead_rounds(
    pool: asyncpg.Pool,
    job: Job,
    work: Callable[[Connection], Awaitable[None]],
    pause: Callable[[], Awaitable[None]],
    retry_s: float,
) -> None:
    """Do rounds of `work` with a `pause` after each, for ever, as the leader of `job`.

    When the database fails, the lead is given up and sought again after `retry_s`.
    """
    while True:
        try:
            async with lead(pool, job, retry_s) as connection:
                while True:
                    await work(connection)
                    await pause()
        except DATABASE_ERRORS as error:
            logger.warning("%s: database: %r; next try in %s s", job.name.lower(), error, retry_s)
            await asyncio.sleep(retry_s)


async def run_until(stop: asyncio.Event, work: Coroutine[object, object, None]) -> None:
    """Run `work` until it ends or `stop` is set; then it is cancelled, which must be safe."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.gather(stopping, working, return_exceptions=True)
