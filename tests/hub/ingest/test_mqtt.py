"""The connection to a broker that misbehaves, and one that asks for certificates."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import mqtt5
import pytest

from demo.processes import free_port
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.process import find_mosquitto, plan_broker
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.ingest.mqtt import MqttError, Session, connect

from .devices import running, until

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CONNACK = mqtt5.ConnAckPacket(receive_max=2).write()


@contextlib.asynccontextmanager
async def fake_broker(serve: Serve) -> AsyncIterator[BrokerSettings]:
    """A broker that does what a test says, on a port of its own."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.ensure_future(handle(reader, writer)))

    handlers: list[asyncio.Future[None]] = []
    async with await asyncio.start_server(start, "127.0.0.1", 0) as server:
        yield BrokerSettings("127.0.0.1", server.sockets[0].getsockname()[1], None)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers)


async def open_session(settings: BrokerSettings) -> Session:
    return await connect(settings, "test", lambda *_: None, lambda: None)


async def test_a_refusal_is_told_by_its_name() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code = mqtt5.ConnAckReasonCode.NOT_AUTHORIZED
        writer.write(mqtt5.ConnAckPacket(reason_code=code).write())
        await writer.drain()

    async with fake_broker(serve) as settings:
        with pytest.raises(MqttError, match="NOT_AUTHORIZED"):
            await open_session(settings)


async def test_what_is_not_mqtt_ends_the_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x00\x00\x00")
        await writer.drain()
        await reader.read()

    async with fake_broker(serve) as settings:
        with pytest.raises(MqttError, match="not MQTT 5"):
            await open_session(settings)


async def test_a_broker_that_falls_silent_is_given_up() -> None:
    pings = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        while data := await reader.read(100):
            if data.endswith(mqtt5.PingReqPacket().write()):
                pings.set()

    async with fake_broker(serve) as settings:
        session = await connect(settings, "test", lambda *_: None, lambda: None, keep_alive_s=0.2)
        await until(lambda: session.closed)
        assert session.reason == "the broker is silent"
        assert pings.is_set()


async def test_the_brokers_receive_maximum_is_kept() -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        while data := await reader.read(1000):
            received.append(data)
            if data.startswith(b"\x33"):  # a retained PUBLISH of QoS 1
                writer.write(mqtt5.PubAckPacket(1).write())

    async with fake_broker(serve) as settings:
        changes = asyncio.Event()
        session = await connect(settings, "test", lambda *_: None, changes.set)
        room = [session.has_room]
        for payload in (b"one", b"two"):
            session.publish("a", payload)
            room.append(session.has_room)
        await changes.wait()
        assert [*room, session.has_room] == [True, True, False, True]
        session.disconnect()


async def test_packets_in_pieces_are_put_together() -> None:
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages = [
            mqtt5.PublishPacket("t", bytes([n]) * n * 50, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=n)
            for n in range(1, 20)
        ]
        stream = CONNACK + b"".join(message.write() for message in messages)
        for start in range(0, len(stream), 97):
            writer.write(stream[start : start + 97])
            await writer.drain()
        await reader.read()

    async with fake_broker(serve) as settings:

        def take(_: Session, packets: list[mqtt5.PublishPacket]) -> None:
            arrived.extend(packet.payload for packet in packets)

        session = await connect(settings, "test", take, lambda: None)
        await until(lambda: len(arrived) == 19)
        assert arrived == [bytes([n]) * n * 50 for n in range(1, 20)]
        session.disconnect()


@pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")
async def test_the_hub_takes_readings_over_mutual_tls(pool: asyncpg.Pool, tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path / "ca", lambda: dt.datetime.now(dt.UTC))
    plan = plan_broker("mosquitto", tmp_path / "broker", free_port(), authority)
    process = await asyncio.create_subprocess_exec(*plan.command)
    try:
        async with running(pool, plan.hub) as ingest:
            assert ingest.counters.connections == 1
        without = BrokerSettings(plan.hub.host, plan.hub.port, None)
        with pytest.raises(MqttError):
            await open_session(without)
    finally:
        process.terminate()
        await process.wait()
