"""Each part taken away under load: nothing acknowledged is lost, nothing is stored twice."""

import asyncio
import contextlib
import datetime as dt
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.hub.conftest import free_port, run_broker

from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.process import plan_broker
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.database import EmbeddedPostgres, migrate, open_pool
from gridtokenx_hub.ingest import mqtt

from .devices import Gateway, Meter, new_meter, open_gateway, register, running, until

WORKER = Path(__file__).parent / "worker.py"


async def check_rows(pool: asyncpg.Pool, meters: list[Meter]) -> None:
    """Every reading is stored once, the chain is whole, and the ack row says so."""
    rows = await pool.fetch("SELECT meter_id, sequence, hash, previous_hash FROM readings")
    assert len(rows) == len({(row["meter_id"], row["sequence"]) for row in rows})
    by_meter = {
        meter.meter_id: {row["sequence"]: row for row in rows if row["meter_id"] == meter.meter_id}
        for meter in meters
    }
    heads = {row["meter_id"]: row for row in await pool.fetch("SELECT * FROM acks")}
    for meter in meters:
        own = by_meter[meter.meter_id]
        assert sorted(own) == list(range(2, meter.sequence + 1))
        for sequence in range(3, meter.sequence + 1):
            assert own[sequence]["previous_hash"] == own[sequence - 1]["hash"]
        assert heads[meter.meter_id]["sequence"] == meter.sequence
        assert heads[meter.meter_id]["hash"] == meter.hash
    assert await pool.fetchval("SELECT count(*) FROM quarantine") == 0


async def publish_steadily(gateway: Gateway, meters: list[Meter], rounds: int) -> None:
    for _ in range(rounds):
        for meter in meters:
            await gateway.publish(meter)
        await asyncio.sleep(0.01)


@pytest.fixture
async def server(server_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server that a test may stop."""
    made = EmbeddedPostgres(server_folder)
    yield made
    await made.stop()


def postmaster(folder: Path) -> int:
    """Process id of the server on this folder."""
    return int((folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])


async def test_postgresql_restarted_and_killed_under_load(
    server: EmbeddedPostgres, server_folder: Path, broker: BrokerSettings
) -> None:
    meters = [new_meter(number) for number in range(1, 6)]
    url = await server.start()
    async with await open_pool(url) as pool:
        await migrate(pool)
        for meter in meters:
            await register(pool, meter)
        async with running(pool, broker) as ingest, open_gateway(broker) as gateway:
            load = asyncio.create_task(publish_steadily(gateway, meters, 120))
            await until(lambda: ingest.counters.stored > 50)
            await server.stop()
            await until(lambda: ingest.counters.retries > 0)
            assert await server.start() == url
            stored = ingest.counters.stored
            await until(lambda: ingest.counters.stored > stored)
            os.kill(postmaster(server_folder), signal.SIGKILL)
            await server.stop()
            assert await server.start() == url
            await load
            for meter in meters:
                await gateway.acked(meter, 121)
            assert ingest.counters.received == 600
        await check_rows(pool, meters)


async def test_a_database_that_is_away_bounds_what_waits(
    pool: asyncpg.Pool,
    broker: BrokerSettings,
    gateway: Gateway,
    meter: Meter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mqtt, "RECEIVE_MAX", 50)
    async with running(pool, broker) as ingest:
        async with pool.acquire() as connection, connection.transaction():
            # whoever wants to commit waits from now on
            await connection.execute("LOCK TABLE acks IN ACCESS EXCLUSIVE MODE")
            await gateway.publish(meter, *(meter.message() for _ in range(200)))
            await until(lambda: ingest.counters.received == 50)
            await asyncio.sleep(0.1)
            assert ingest.counters.received == 50, "the broker keeps the others"
            assert ingest.counters.acks == 0
        await gateway.acked(meter, 201)
    await check_rows(pool, [meter])


@contextlib.asynccontextmanager
async def worker(url: str, port: int) -> AsyncIterator[None]:
    """An ingest in a process of its own, killed at the end."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(WORKER), url, str(port))
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def until_rows(pool: asyncpg.Pool, count: int) -> None:
    """Wait until so many readings are committed."""
    async with asyncio.timeout(30):
        while await pool.fetchval("SELECT count(*) FROM readings") < count:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.002)


KILLS = 3
READINGS_A_KILL = 50


@pytest.mark.soak
async def test_an_ingest_killed_again_and_again_leaves_the_same_rows_and_acks(
    pool: asyncpg.Pool,
    database_url: str,
    broker: BrokerSettings,
    gateway: Gateway,
    soak_times: int,
) -> None:
    meters = [new_meter(number) for number in range(1, 9)]
    for meter in meters:
        await register(pool, meter)
    chance = random.Random(3)  # noqa: S311 - the same moments each time
    rounds = KILLS * READINGS_A_KILL * soak_times
    load = asyncio.create_task(publish_steadily(gateway, meters, rounds))
    seen = 0
    for _ in range(KILLS * soak_times):
        async with worker(database_url, broker.port):
            await until_rows(pool, seen + chance.randint(1, 150))
        seen = await pool.fetchval("SELECT count(*) FROM readings")
        assert seen < 8 * rounds, "it was killed in the middle"
    async with worker(database_url, broker.port):
        await load
        for meter in meters:
            await gateway.send_again(meter)
            assert (await gateway.acked(meter, rounds + 1)).hash == meter.hash
    await check_rows(pool, meters)


async def test_a_broker_that_forgets_everything_is_told_the_acks_again(
    pool: asyncpg.Pool, tmp_path: Path, meter: Meter
) -> None:
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        with run_broker(tmp_path, port) as settings:
            ingest = await stack.enter_async_context(running(pool, settings))
            async with open_gateway(settings) as gateway:
                await gateway.publish(meter)
                await gateway.acked(meter, 2)
        with run_broker(tmp_path, port) as settings:
            await until(lambda: ingest.counters.connections == 2)
            async with open_gateway(settings) as gateway:
                await gateway.acked(meter, 2)
                await gateway.publish(meter, meter.messages[2], meter.message())
                await gateway.acked(meter, 3)
    await check_rows(pool, [meter])


async def test_the_broker_from_a_wheel_will_do(
    pool: asyncpg.Pool, tmp_path: Path, meter: Meter
) -> None:
    authority = CertificateAuthority(tmp_path / "ca", lambda: dt.datetime.now(dt.UTC))
    plan = plan_broker("rumqttd", tmp_path / "broker", free_port(), authority)
    process = await asyncio.create_subprocess_exec(*plan.command)
    try:
        async with running(pool, plan.hub), open_gateway(plan.hub) as gateway:
            await gateway.publish(meter, *(meter.message() for _ in range(30)))
            await gateway.acked(meter, 31)
    finally:
        process.terminate()
        await process.wait()
    await check_rows(pool, [meter])
