"""One process at a time does a job: a session's advisory lock in the hub's own database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection | PoolConnectionProxy"
Work: TypeAlias = "Callable[[Connection], Awaitable[None]]"

LOCK_CLASS = 0x475458  # "GTX": keeps these locks apart from those of others in a shared database
TRY_LOCK = "SELECT pg_try_advisory_lock($1, $2)"
DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a link that breaks at a bad moment looks like
    OSError,
)

logger = logging.getLogger(__name__)


class Job(IntEnum):
    """Jobs that have one leader."""

    INDEXER = 1
    SETTLEMENT = 2
    EQUIVOCATION = 3
    DEVICES = 4
    UPKEEP = 5
    BOOTSTRAP = 6
    HOUSEKEEPING = 7
    ROTATION = 8
    BACKUP = 9
    ORACLE = 10
    BRIDGE = 11


@contextlib.asynccontextmanager
async def lead(pool: asyncpg.Pool, job: Job, retry_s: float) -> AsyncIterator[Connection]:
    """Wait until this process leads `job`; yield the connection that holds the lock.

    Whoever leads writes through that connection alone: when it breaks, the lock and the right to
    write are gone together. It is not given back for others to use: the lock ends with it.
    """
    async with pool.acquire() as connection:
        # The lock is asked for, not waited for: a waiting query would run into its time limit.
        while not await connection.fetchval(TRY_LOCK, LOCK_CLASS, int(job)):  # noqa: ASYNC110 - the leader may be another process
            await asyncio.sleep(retry_s)
        logger.info("this process leads the %s", job.name.lower())
        try:
            yield connection
        finally:
            with contextlib.suppress(asyncpg.InterfaceError):  # it is gone already
                connection.terminate()


async def lead_rounds(
    pool: asyncpg.Pool,
    job: Job,
    work: Work,
    pause: Callable[[], Awaitable[None]],
    retry_s: float,
    stop: asyncio.Event,
) -> None:
    """Do rounds of `work` with a `pause` after each, as the leader of `job`, until `stop` is set.

    When the database fails, the lead is given up and sought again after `retry_s`. On `stop` a
    round is cancelled where it stands: it must be safe against that, as against a kill.
    """
    rounds = asyncio.ensure_future(_rounds(pool, job, work, pause, retry_s))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({rounds, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if rounds.done():
            await rounds
    finally:
        stopping.cancel()
        rounds.cancel()
        await asyncio.gather(stopping, rounds, return_exceptions=True)


async def _rounds(
    pool: asyncpg.Pool,
    job: Job,
    work: Work,
    pause: Callable[[], Awaitable[None]],
    retry_s: float,
) -> None:
    async def rounds() -> None:
        async with lead(pool, job, retry_s) as connection:
            while True:
                await work(connection)
                await pause()

    await through_outages(f"{job.name.lower()}: database", rounds, retry_s)


async def through_outages(
    name: str, attempt: Callable[[], Awaitable[None]], retry_s: float
) -> NoReturn:
    """Do `attempt` again and again; after one that an outage ends, first wait `retry_s`."""
    while True:
        try:
            await attempt()
        except DATABASE_ERRORS as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # A link that broke while a cancelled attempt cleaned up hid the cancellation.
                raise asyncio.CancelledError from error
            logger.warning("%s: %r; next try in %s s", name, error, retry_s)
            await asyncio.sleep(retry_s)


async def until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until `stop` is set, which cancels it wherever it is.

    Raises:
        ExceptionGroup: with what ended the work before.
    """
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        await stop.wait()
        task.cancel()
