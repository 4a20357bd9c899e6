"""Delivery over a real broker, with a hub that answers, keeps silent, lies or was restored."""

import asyncio
import logging
from dataclasses import replace

import aiomqtt
import pytest
from tests.edge.broker import Broker
from tests.edge.fake_hub import FakeHub
from tests.edge.sender import FAST, T0, Sender, make_uplink, until

from gridtokenx_edge.agent.stopping import stop_tasks
from gridtokenx_edge.config import BrokerConfig, MeterConfig
from gridtokenx_edge.records import Range
from gridtokenx_edge.spool.spool import JUMP
from gridtokenx_edge.uplink.window import WINDOW, Window
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.payload import MAX_RECORDS
from gridtokenx_protocol.topics import ack_topic


async def test_delivers_and_forgets_by_ack(sender: Sender, broker: Broker, hub: FakeHub) -> None:
    await sender.append(5)
    async with hub.connect(broker.port), sender.running():
        await hub.until(lambda: hub.acked >= 5)
        await sender.append(3)
        await hub.until(lambda: hub.acked >= 8)
        await until(lambda: sender.spool.acked_sequence == hub.acked)
    assert hub.arrivals == sorted(set(hub.arrivals)), "nothing was sent twice, all in order"


async def test_a_reading_without_an_ack_is_sent_again(
    sender: Sender, broker: Broker, hub: FakeHub
) -> None:
    hub.muted = True
    await sender.append(2)
    async with hub.connect(broker.port), sender.running():
        await hub.until(lambda: hub.arrivals.count(1) >= 2 and hub.arrivals.count(2) >= 2)
        await hub.acknowledge()
        await until(lambda: sender.spool.acked_sequence == 2)
        count = len(hub.arrivals)
        await asyncio.sleep(2 * FAST.resend_after_s)
        assert len(hub.arrivals) == count
    assert not hub.equivocations


async def test_at_most_64_messages_are_under_way(
    sender: Sender, broker: Broker, hub: FakeHub
) -> None:
    hub.muted = True
    async with hub.connect(broker.port), sender.running():
        for count in range(1, WINDOW + 21):  # one after another, so that none travel together
            await sender.append(1)
            await hub.until(lambda count=count: len(set(hub.arrivals)) >= min(count, WINDOW))  # type: ignore[misc]  # mypy has no type for a lambda with a default
        await hub.until(lambda: hub.arrivals.count(1) >= 2)
        assert len(set(hub.arrivals)) == WINDOW
        hub.muted = False
        await hub.acknowledge()
        await hub.until(lambda: hub.acked >= WINDOW + 20)
    assert not hub.equivocations


async def test_a_backlog_travels_together(sender: Sender, broker: Broker, hub: FakeHub) -> None:
    await sender.append(200)
    last = max(reading.sequence for reading in sender.spool.pending(0, 999))
    async with hub.connect(broker.port), sender.running():
        await hub.until(lambda: hub.acked == last)
    assert hub.arrivals == list(range(1, last + 1))
    assert max(hub.messages) == MAX_RECORDS
    assert len(hub.messages) < 12
    assert not hub.equivocations, "the records are the bytes that were signed first"


async def test_what_travelled_together_is_sent_again(
    sender: Sender, broker: Broker, hub: FakeHub
) -> None:
    hub.muted = True
    await sender.append(10)
    async with hub.connect(broker.port), sender.running():
        await hub.until(lambda: hub.arrivals.count(10) >= 2)
        await hub.acknowledge(sequence=4, hash=hub.hashes[4])
        await until(lambda: sender.spool.acked_sequence == 4)
        hub.arrivals.clear()
        await hub.until(lambda: hub.arrivals.count(10) >= 2)
        assert min(hub.arrivals) == 5
    assert not hub.equivocations


async def test_the_broker_goes_and_comes_back(sender: Sender, broker: Broker, hub: FakeHub) -> None:
    async with sender.running():
        await sender.append(3)
        await broker.stop()
        await sender.append(3)
        await asyncio.sleep(0.2)
        await broker.start()
        async with hub.connect(broker.port):
            await sender.append(1)
            await hub.until(lambda: hub.acked >= 7)
    assert not hub.equivocations


async def test_what_a_broker_lost_is_sent_after_the_next_connection(
    sender: Sender, broker: Broker, hub: FakeHub
) -> None:
    sender.uplink._outbox._window = Window(resend_after_s=3600)
    hub.muted = True
    await sender.append(3)
    async with sender.running():
        async with hub.connect(broker.port):
            await hub.until(lambda: set(hub.arrivals) == {1, 2, 3})
        hub.arrivals.clear()
        await broker.stop()
        await broker.start()
        async with hub.connect(broker.port):
            await sender.append(1)
            await hub.until(lambda: set(hub.arrivals) == {1, 2, 3, 4})


async def test_acks_that_prove_nothing_are_ignored(
    sender: Sender,
    broker: Broker,
    hub: FakeHub,
    signer: SoftwareSigner,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub.muted = True
    await sender.append(3)
    async with hub.connect(broker.port), sender.running():
        await hub.until(lambda: hub.acked >= 3)
        honest = hub.signer
        hub.signer = signer
        await hub.acknowledge()
        hub.signer = honest
        await hub.acknowledge(meter_id=bytes(16))
        await hub.acknowledge(deployment=bytes(4))
        await hub.acknowledge(hash=bytes(32))
        for garbage in (b"", b"\xff" * 10, bytes(1_000_000)):
            await hub.send(garbage)
        await hub.acknowledge(sequence=2, hash=hub.hashes[2])
        await until(lambda: sender.spool.acked_sequence == 2)
    assert caplog.messages.count("ack_refused") == 6
    assert "ack_other_hash" in caplog.messages


async def test_a_restored_hub_gets_everything_again(
    sender: Sender, broker: Broker, hub: FakeHub
) -> None:
    await sender.append(6)
    async with hub.connect(broker.port), sender.running():
        await hub.until(lambda: hub.acked >= 6)
        await until(lambda: sender.spool.acked_sequence >= 6)
        hub.muted = True
        await sender.append(2)
        await hub.until(lambda: max(hub.arrivals) >= 8)
        hub.arrivals.clear()
        await hub.acknowledge(epoch=8, sequence=2, hash=hub.hashes[2], time_ms=T0 + 99 * 86_400_000)
        await hub.until(lambda: set(hub.arrivals) >= set(range(3, 9)))
        assert {1, 2}.isdisjoint(hub.arrivals)


async def test_a_retained_ack_ahead_is_known_before_the_first_reading(
    sender: Sender, broker: Broker, hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    await sender.append(1)
    async with hub.connect(broker.port):
        await hub.acknowledge(sequence=50, hash=bytes([5] * 32))
        async with sender.running():
            await asyncio.wait_for(sender.uplink.ack_known.wait(), 5)
            assert sender.spool.state is not None
            assert sender.spool.state.last_sequence == 50 + JUMP
            await sender.append(1)
            await hub.until(lambda: 50 + JUMP + 1 in hub.records)
    assert "ack_ahead" in caplog.messages


async def test_what_the_hub_knows_otherwise_is_not_sent(
    sender: Sender, broker: Broker, hub: FakeHub
) -> None:
    """A spool and its checkpoint are gone, and a second baseline was signed."""
    await sender.append(1)
    async with hub.connect(broker.port):
        await hub.acknowledge(sequence=50, hash=bytes([5] * 32))
        async with sender.running():
            await asyncio.wait_for(sender.uplink.ack_known.wait(), 5)
            await sender.append(1)
            await hub.until(lambda: bool(hub.records))
    assert 1 not in hub.arrivals


async def test_without_a_broker_the_first_reading_does_not_wait(
    sender: Sender, broker: Broker
) -> None:
    await broker.stop()
    async with sender.running():
        await asyncio.wait_for(sender.uplink.ack_known.wait(), 3)


async def test_a_silent_link_is_noticed(
    meter_config: MeterConfig,
    sender: Sender,
    signer: SoftwareSigner,
    caplog: pytest.LogCaptureFixture,
) -> None:
    writers = []

    async def swallow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = replace(meter_config, broker=BrokerConfig("127.0.0.1", port, None))
    uplink = make_uplink(config, sender.spool, sender.thread, signer)
    task = asyncio.create_task(uplink.run())
    await asyncio.wait_for(uplink.ack_known.wait(), 30)
    await stop_tasks([task])
    server.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    assert "broker_lost" in caplog.messages


async def test_publishing_to_our_ack_topic_by_a_stranger_changes_nothing(
    sender: Sender, broker: Broker
) -> None:
    await sender.append(1)
    async with sender.running(), aiomqtt.Client("127.0.0.1", broker.port) as stranger:
        await stranger.publish(ack_topic(bytes(range(16))), b"\xd2\x84", qos=1, retain=True)
        await asyncio.wait_for(sender.uplink.ack_known.wait(), 5)
        assert sender.spool.acked_sequence == 0


def test_the_window() -> None:
    window = Window(30)
    assert window.next_overdue_in(0) is None
    for number in range(1, 11):
        window.sent(Range(2 * number, 2 * number + 1), number)
    assert window.room == WINDOW - 10
    assert window.highest == 21
    assert window.overdue(31) == [Range(2, 3)]
    assert window.next_overdue_in(20) == 11
    window.sent(Range(2, 3), 31)
    assert window.overdue(33) == [Range(4, 5), Range(6, 7)]
    window.forget(6)
    assert window.overdue(33) == [Range(6, 7)], "a message counts until all of it has its ack"
    window.take_back(Range(6, 7))
    assert window.overdue(33) == []
    window.clear()
    assert window.room == WINDOW


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
