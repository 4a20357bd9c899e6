"""Workers on one shared subscription, killed at any moment: the same rows, the same acks."""

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.ingest import Ingest

from .devices import Gateway, Meter, new_meter, register, running, until
from .load import check_rows, publish_steadily, publish_until

WORKER = Path(__file__).parent / "worker.py"
KILLS = 3
RESEND_AFTER_S = 0.5
"""A device waits 30 s."""


@contextlib.asynccontextmanager
async def worker(url: str, port: int, name: str = "1", expiry_s: int = 60) -> AsyncIterator[None]:
    """An ingest in a process of its own, connected; killed at the end."""
    arguments = (sys.executable, str(WORKER), url, str(port), name, str(expiry_s))
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"connected\n"
        yield
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def meters(pool: asyncpg.Pool) -> list[Meter]:
    made = [new_meter(number) for number in range(1, 9)]
    for meter in made:
        await register(pool, meter)
    return made


async def until_rows(pool: asyncpg.Pool, count: int) -> None:
    """Wait until so many readings are committed."""
    async with asyncio.timeout(30):
        while await pool.fetchval("SELECT count(*) FROM readings") < count:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.002)


async def missing(pool: asyncpg.Pool, meters: list[Meter]) -> int:
    """Readings that are signed and not stored (baselines are not sent)."""
    stored = await pool.fetchval("SELECT count(*) FROM readings")
    return sum(meter.sequence - 1 for meter in meters) - stored


@pytest.mark.soak
async def test_an_ingest_killed_again_and_again_leaves_the_same_rows_and_acks(
    pool: asyncpg.Pool,
    database_url: str,
    broker: BrokerSettings,
    gateway: Gateway,
    meters: list[Meter],
    soak_times: int,
) -> None:
    chance = random.Random(3)  # noqa: S311 - the same moments each time
    kills = KILLS * soak_times
    for turn in range(kills):
        seen = await pool.fetchval("SELECT count(*) FROM readings")
        killed = asyncio.Event()
        async with worker(database_url, broker.port):
            load = asyncio.create_task(publish_until(killed, gateway, meters))
            await until_rows(pool, seen + chance.randint(1, 150))
        killed.set()
        await load
        assert await missing(pool, meters), f"it was killed in the middle, at turn {turn}"
    async with worker(database_url, broker.port):
        for meter in meters:
            await gateway.send_again(meter)
            assert (await gateway.acked(meter, meter.sequence)).hash == meter.hash
    await check_rows(pool, meters)


async def all_acked(gateway: Gateway, meters: list[Meter]) -> None:
    """Wait for every ack, sending again what has none as devices do."""
    for meter in meters:
        while True:
            try:
                async with asyncio.timeout(RESEND_AFTER_S):
                    ack = await gateway.acked(meter, meter.sequence)
            except TimeoutError:
                await gateway.send_again(meter)
            else:
                assert ack.hash == meter.hash
                break


@pytest.mark.soak
async def test_two_workers_killed_in_turn_leave_the_same_rows_and_acks(
    pool: asyncpg.Pool,
    database_url: str,
    broker: BrokerSettings,
    gateway: Gateway,
    meters: list[Meter],
    soak_times: int,
) -> None:
    chance = random.Random(5)  # noqa: S311 - the same moments each time
    for turn in range(KILLS * soak_times):
        stays, dies = ("a", "b") if turn % 2 else ("b", "a")
        seen = await pool.fetchval("SELECT count(*) FROM readings")
        killed = asyncio.Event()
        async with worker(database_url, broker.port, stays):
            async with worker(database_url, broker.port, dies):
                load = asyncio.create_task(publish_until(killed, gateway, meters))
                await until_rows(pool, seen + chance.randint(1, 150))
            # what was dealt to the dead one comes back to another as well: both may have it
            for meter in meters:
                await gateway.send_again(meter)
        killed.set()
        await load
        assert await missing(pool, meters), "both were killed in the middle"
    async with (
        worker(database_url, broker.port, "a"),
        worker(database_url, broker.port, "b"),
    ):
        async with asyncio.timeout(60):
            await all_acked(gateway, meters)
    await check_rows(pool, meters)


async def test_a_worker_that_stays_dead_keeps_nothing_from_the_others(
    pool: asyncpg.Pool,
    database_url: str,
    broker: BrokerSettings,
    gateway: Gateway,
    meters: list[Meter],
) -> None:
    async with running(pool, broker, worker="alive") as alive:
        async with worker(database_url, broker.port, "dead", expiry_s=1):
            await publish_steadily(gateway, meters, 20)
            await until_rows(pool, 1)
        await publish_steadily(gateway, meters, 20)
        async with asyncio.timeout(30):
            while not await all_come(gateway, meters[0], alive):
                pass
        for meter in meters:
            await gateway.send_again(meter)
        for meter in meters:
            assert (await gateway.acked(meter, 41)).hash == meter.hash
    await check_rows(pool, meters)


async def all_come(gateway: Gateway, meter: Meter, ingest: Ingest) -> bool:
    """Tell whether this worker gets each of two messages."""
    before = ingest.counters.received
    await gateway.publish(meter, meter.messages[2], meter.messages[2])
    with contextlib.suppress(TimeoutError):
        await until(lambda: ingest.counters.received >= before + 2, timeout_s=0.3)
    return ingest.counters.received >= before + 2
