"""What the hub asks of a device over a real broker, and what the device tells of itself."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import aiomqtt
import pytest
from tests.edge.broker import Broker
from tests.edge.fake_hub import DEPLOYMENT, METER_ID, FakeHub
from tests.edge.sender import Sender, make_uplink, until

from gridtokenx_edge.agent.stopping import stop_tasks
from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.config import BrokerConfig, MeterConfig
from gridtokenx_protocol.command import Command, CommandKind, sign_command
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.status import Status
from gridtokenx_protocol.topics import command_topic, status_topic

READ_NOW = Command(DEPLOYMENT, METER_ID, 1, 2**62, CommandKind.READ_NOW)


@pytest.fixture
async def wire(broker: Broker) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        yield client


async def say(wire: aiomqtt.Client, command: Command, signer: SoftwareSigner) -> None:
    await wire.publish(command_topic(METER_ID), sign_command(command, signer), qos=1)


async def online(wire: aiomqtt.Client) -> Status:
    """Wait for a birth."""
    return await next_status(wire, online=True)


async def next_status(wire: aiomqtt.Client, *, online: bool) -> Status:
    await wire.subscribe(status_topic(METER_ID), qos=1)
    async with asyncio.timeout(10):
        async for message in wire.messages:
            status = Status.decode(message.payload)
            if status.online == online:
                return status
    raise AssertionError("the connection ended")


async def test_a_wish_to_read_is_passed_on_once(
    sender: Sender, wire: aiomqtt.Client, hub_signer: SoftwareSigner
) -> None:
    await sender.append()
    async with sender.running():
        await online(wire)
        await say(wire, READ_NOW, hub_signer)
        await say(wire, READ_NOW, hub_signer)
        await say(wire, replace(READ_NOW, number=2), hub_signer)
        await until(lambda: len(sender.asked) == 2)
    assert sender.uplink.counts["commands_refused"] == 1


async def test_what_has_an_ack_is_sent_again_when_the_hub_asks(
    sender: Sender,
    broker: Broker,
    hub: FakeHub,
    wire: aiomqtt.Client,
    hub_signer: SoftwareSigner,
) -> None:
    await sender.append(6)
    async with hub.connect(broker.port), sender.running():
        await hub.until(lambda: hub.acked == 6)
        await until(lambda: sender.spool.acked_sequence == 6)
        hub.arrivals.clear()
        wish = replace(READ_NOW, kind=CommandKind.SEND_AGAIN, from_sequence=3)
        await say(wire, wish, hub_signer)
        await hub.until(lambda: len(hub.arrivals) == 4)
        await sender.append()
        await hub.until(lambda: hub.acked == 7)
    assert hub.arrivals == [3, 4, 5, 6, 7]
    assert not hub.equivocations


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"meter_id": bytes(16)}, "another meter"),
        ({"deployment": bytes(4)}, "another meter or deployment"),
        ({"expires_ms": 1_700_000_000_000}, "expired"),
        ({"number": 0}, "given before"),
    ],
)
async def test_a_command_that_is_not_for_now_and_us_is_refused(
    sender: Sender,
    wire: aiomqtt.Client,
    hub_signer: SoftwareSigner,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, object],
    reason: str,
) -> None:
    caplog.set_level(logging.INFO)
    await sender.append()
    async with sender.running():
        await online(wire)
        await say(wire, replace(READ_NOW, **changed), hub_signer)  # type: ignore[arg-type]  # one field of its type
        await until(lambda: sender.uplink.counts["commands_refused"] == 1)
        await say(wire, replace(READ_NOW, number=9), hub_signer)
        await until(lambda: len(sender.asked) == 1)
    (refused,) = [r for r in caplog.records if r.message == "command_refused"]
    assert reason in str(refused.__dict__["fields"])


async def test_a_command_of_another_key_is_refused(
    sender: Sender, wire: aiomqtt.Client, signer: SoftwareSigner
) -> None:
    await sender.append()
    async with sender.running():
        await online(wire)
        await say(wire, READ_NOW, signer)
        await wire.publish(command_topic(METER_ID), b"\xff" * 1000, qos=1)
        await until(lambda: sender.uplink.counts["commands_refused"] == 2)
    assert not sender.asked


async def test_birth_and_death_are_told(sender: Sender, wire: aiomqtt.Client) -> None:
    await sender.append(5)
    before_ms = SYSTEM_CLOCK.now_ms()
    async with sender.running():
        born = await online(wire)
    dead = await next_status(wire, online=False)
    assert (born.deployment, born.oldest_sequence, born.last_sequence) == (DEPLOYMENT, 1, 5)
    assert (born.version, born.profile) == ("0.1.0", "schneider-iem3155")
    assert before_ms <= born.session <= SYSTEM_CLOCK.now_ms()
    assert dead.session == born.session


async def test_a_lost_connection_is_told_by_the_broker(
    sender: Sender,
    meter_config: MeterConfig,
    signer: SoftwareSigner,
    broker: Broker,
    wire: aiomqtt.Client,
) -> None:
    """A second connection with the meter's name throws the first one out."""
    await sender.append()
    config = replace(meter_config, broker=BrokerConfig("127.0.0.1", broker.port, None))
    async with sender.running():
        born = await online(wire)
        rival = make_uplink(config, sender.spool, sender.thread, signer)
        task = asyncio.create_task(rival.run())
        dead = await next_status(wire, online=False)
        await stop_tasks([task])
    assert dead.session == born.session
