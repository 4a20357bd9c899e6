"""Each part taken away under load: nothing acknowledged is lost, nothing is stored twice."""

import asyncio
import contextlib
import datetime as dt
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.hub.conftest import run_broker

from demo.processes import free_port
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.process import plan_broker
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.database import EmbeddedPostgres, migrate, open_pool
from gridtokenx_hub.ingest import mqtt

from .devices import Gateway, Meter, new_meter, open_gateway, register, running, until
from .load import check_rows, publish_steadily


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


def family(process_id: int) -> list[int]:
    """A process and its children, parent first."""
    found = [process_id]
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal():
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == process_id:
                    found.append(int(entry.name))
    return found


async def test_postgresql_that_stands_still_holds_everything_back_and_nothing_is_lost(
    server: EmbeddedPostgres,
    server_folder: Path,
    broker: BrokerSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mqtt, "RECEIVE_MAX", 100)
    meters = [new_meter(number) for number in range(1, 6)]
    url = await server.start()
    async with await open_pool(url) as pool:
        await migrate(pool)
        for meter in meters:
            await register(pool, meter)
        async with running(pool, broker) as ingest, open_gateway(broker) as gateway:
            await publish_steadily(gateway, meters, 10)
            for meter in meters:
                await gateway.acked(meter, 11)
            before = (ingest.counters.received, ingest.counters.stored)
            stopped = family(postmaster(server_folder))
            for process_id in stopped:
                os.kill(process_id, signal.SIGSTOP)
            try:
                await publish_steadily(gateway, meters, 60)
                await until(lambda: ingest.counters.received == before[0] + 100)
                await asyncio.sleep(0.5)
                assert ingest.counters.received == before[0] + 100, "the broker keeps the others"
                assert ingest.counters.stored == before[1]
                assert all(gateway.acks[meter.meter_id][-1].sequence == 11 for meter in meters)
            finally:
                for process_id in stopped:
                    os.kill(process_id, signal.SIGCONT)
            for meter in meters:
                await gateway.acked(meter, 71)
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
