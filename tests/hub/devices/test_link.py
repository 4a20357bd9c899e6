"""Statuses and commands, between a real broker and a real database."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import aiomqtt
import asyncpg
import pytest
from tests.hub.ingest.devices import (
    ACK_SIGNER,
    DEPLOYMENT,
    Meter,
    new_meter,
    now_ms,
    register,
)

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.devices import DeviceLink, UnknownMeter, command
from gridtokenx_protocol.command import Command, CommandKind, open_command
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.status import Status
from gridtokenx_protocol.topics import command_topic, status_topic

BIRTH = Status(DEPLOYMENT, True, 1_000, 5, 9, "1.2.3", "sdm630")


@pytest.fixture
async def meter(pool: asyncpg.Pool) -> Meter:
    made = new_meter(1)
    await register(pool, made)
    return made


@contextlib.asynccontextmanager
async def client(broker: BrokerSettings, **options: object) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client(
        broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5, **options
    ) as opened:
        yield opened


@contextlib.asynccontextmanager
async def linked(pool: asyncpg.Pool, broker: BrokerSettings) -> AsyncIterator[DeviceLink]:
    link = DeviceLink(pool, broker, ACK_SIGNER, DEPLOYMENT, now_ms)
    stop = asyncio.Event()
    task = asyncio.create_task(link.run(stop))
    try:
        yield link
    finally:
        stop.set()
        await task


async def tell(mqtt: aiomqtt.Client, meter: Meter, status: Status | bytes) -> None:
    payload = status if isinstance(status, bytes) else status.encode()
    await mqtt.publish(status_topic(meter.meter_id), payload, qos=1, retain=True)


async def becomes(pool: asyncpg.Pool, meter: Meter, **expected: object) -> None:
    """Wait until the meter's row says so."""
    async with asyncio.timeout(20):
        while True:
            row = await pool.fetchrow(
                "SELECT * FROM device_status WHERE meter_id = $1", meter.meter_id
            )
            if row is not None and expected.items() <= dict(row).items():
                return
            await asyncio.sleep(0.01)


async def test_birth_state_and_last_will(
    pool: asyncpg.Pool, broker: BrokerSettings, meter: Meter
) -> None:
    death = replace(BIRTH, online=False)
    will = aiomqtt.Will(status_topic(meter.meter_id), death.encode(), 1, retain=True)
    async with linked(pool, broker):
        async with client(broker, will=will) as mqtt:
            await tell(mqtt, meter, BIRTH)
            await becomes(pool, meter, online=True, session=1_000, oldest_sequence=5)
            await tell(mqtt, meter, replace(BIRTH, oldest_sequence=7, last_sequence=12))
            await becomes(
                pool, meter, oldest_sequence=7, last_sequence=12, version="1.2.3", profile="sdm630"
            )
            mqtt._client._sock_close()  # the link is cut: aiomqtt itself only leaves politely
        await becomes(pool, meter, online=False)


async def test_what_was_said_before_the_hub_came_is_known(
    pool: asyncpg.Pool, broker: BrokerSettings, meter: Meter
) -> None:
    async with client(broker) as mqtt:
        await tell(mqtt, meter, BIRTH)
        async with linked(pool, broker):
            await becomes(pool, meter, online=True)


async def test_the_death_of_a_connection_that_was_replaced_says_nothing(
    pool: asyncpg.Pool, broker: BrokerSettings, meter: Meter
) -> None:
    async with linked(pool, broker), client(broker) as mqtt:
        await tell(mqtt, meter, replace(BIRTH, session=2_000))
        await becomes(pool, meter, session=2_000)
        await tell(mqtt, meter, replace(BIRTH, online=False))
        other = new_meter(2)
        await register(pool, other)
        await tell(mqtt, other, BIRTH)
        await becomes(pool, other, online=True)
        await becomes(pool, meter, online=True, session=2_000)
        # a device whose clock was set back is online all the same
        await tell(mqtt, meter, replace(BIRTH, session=500))
        await becomes(pool, meter, online=True, session=500)


async def test_garbage_strangers_and_others_deployments_change_nothing(
    pool: asyncpg.Pool, broker: BrokerSettings, meter: Meter
) -> None:
    garbage = [b"", b"\xff" * 40, BIRTH.encode()[:-1], BIRTH.encode() + b"\0", os.urandom(20_000)]
    bad = [
        *garbage,
        replace(BIRTH, deployment=b"\x09" * 4).encode(),
        replace(BIRTH, session=2**63).encode(),
    ]
    async with linked(pool, broker) as link, client(broker) as mqtt:
        await tell(mqtt, meter, BIRTH)
        await becomes(pool, meter, online=True)  # from now on all is heard, not the retained alone
        for payload in bad:
            await tell(mqtt, meter, payload)
        await mqtt.publish("gtx/v1/nobody/status", BIRTH.encode(), qos=1)
        await tell(mqtt, new_meter(9), BIRTH)
        await tell(mqtt, meter, replace(BIRTH, version="nul\x00"))
        await becomes(pool, meter, version="nul\N{REPLACEMENT CHARACTER}")
        assert link.refused == {"malformed": len(bad), "bad_topic": 1}
    assert await pool.fetchval("SELECT count(*) FROM device_status") == 1


async def heard(mqtt: aiomqtt.Client) -> Command:
    async with asyncio.timeout(20):
        message = await anext(aiter(mqtt.messages))
    assert isinstance(message.payload, bytes)
    assert not message.retain
    return open_command(message.payload, ACK_SIGNER.algorithm, ACK_SIGNER.public_key)


async def test_commands_are_signed_numbered_and_sent_once(
    pool: asyncpg.Pool, broker: BrokerSettings, meter: Meter
) -> None:
    async with linked(pool, broker), client(broker) as mqtt:
        await mqtt.subscribe(command_topic(meter.meter_id), qos=1)
        now = now_ms()
        first = await command(pool, meter.meter_id, CommandKind.SEND_AGAIN, 7, 60, now)
        second = await command(pool, meter.meter_id, CommandKind.READ_NOW, 0, 60, now)
        assert second == first + 1
        one, two = await heard(mqtt), await heard(mqtt)
        assert (one.kind, one.from_sequence, one.number) == (CommandKind.SEND_AGAIN, 7, first)
        assert one.expires_ms == now + 60_000
        assert (one.meter_id, one.deployment) == (meter.meter_id, DEPLOYMENT)
        assert (two.kind, two.number) == (CommandKind.READ_NOW, second)
        async with asyncio.timeout(20):
            while await pool.fetchval("SELECT count(*) FROM commands WHERE sent_at IS NULL"):  # noqa: ASYNC110 - the server signals nothing
                await asyncio.sleep(0.01)
        third = await command(pool, meter.meter_id, CommandKind.READ_NOW, 0, 60, now)
        assert (await heard(mqtt)).number == third


async def test_an_expired_command_is_not_sent(
    pool: asyncpg.Pool, broker: BrokerSettings, meter: Meter
) -> None:
    await command(pool, meter.meter_id, CommandKind.READ_NOW, 0, 1, now_ms() - 10_000)
    good = await command(pool, meter.meter_id, CommandKind.READ_NOW, 0, 60, now_ms())
    async with client(broker) as mqtt:
        await mqtt.subscribe(command_topic(meter.meter_id), qos=1)
        async with linked(pool, broker):
            assert (await heard(mqtt)).number == good


async def test_a_command_that_nobody_would_obey_is_refused(
    pool: asyncpg.Pool, meter: Meter
) -> None:
    with pytest.raises(UnknownMeter):
        await command(pool, b"\x09" * 16, CommandKind.READ_NOW, 0, 60, now_ms())
    with pytest.raises(Malformed):
        await command(pool, meter.meter_id, CommandKind.SEND_AGAIN, 0, 60, now_ms())
    await pool.execute("UPDATE meters SET status = 'revoked'")
    with pytest.raises(UnknownMeter):
        await command(pool, meter.meter_id, CommandKind.READ_NOW, 0, 60, now_ms())


async def test_it_works_through_an_outage_of_the_database(
    pool: asyncpg.Pool, broker: BrokerSettings, meter: Meter
) -> None:
    async with linked(pool, broker), client(broker) as mqtt:
        await tell(mqtt, meter, BIRTH)
        await becomes(pool, meter, online=True)
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await tell(mqtt, meter, replace(BIRTH, session=3_000))
        await becomes(pool, meter, session=3_000)
