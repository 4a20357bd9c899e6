"""A registered device that has gone mad, and somebody in the hub's own network who talks nonsense.

The others go on, and nothing of it is believed.
"""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Iterator
from itertools import islice

import aiomqtt
import pytest
from tests.adversity.hub.devices import Device, mqtt_client
from tests.adversity.hub.world import World

from gridtokenx_protocol.topics import ack_topic, command_topic, readings_topic, status_topic

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 100
LONG_BYTES = 30_000
"""Nearly all that the hub takes."""
TOO_LONG_BYTES = (33_000, 70_000, 1_000_000)
"""What the broker does not hand on, does not take, and does not even read."""


def nonsense(chance: random.Random, genuine: bytes) -> bytes:
    """Random bytes, a message cut short, with a bit turned, or very long."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randbytes(chance.randrange(400))
    if kind == 1:
        return genuine[: chance.randrange(len(genuine))]
    if kind == 2:
        turned = bytearray(genuine)
        turned[chance.randrange(len(turned))] ^= 1 << chance.randrange(8)
        return bytes(turned)
    return genuine + chance.randbytes(LONG_BYTES)


def topics(of: bytes, chance: random.Random) -> Iterator[str]:
    """All topics of a meter, and some that nobody knows."""
    while True:
        yield from (kind(of) for kind in (readings_topic, status_topic, ack_topic, command_topic))
        yield f"gtx/v1/{of.hex()}/{chance.randbytes(3).hex()}"
        yield f"gtx/{chance.randbytes(20).hex()}"


async def rave(world: World, client: aiomqtt.Client, genuine: bytes, victim: bytes) -> None:
    """Publish a lot of nonsense at once, until the broker has had enough."""
    chance = world.chance
    with contextlib.suppress(aiomqtt.MqttError):
        async with client:
            spoken = [
                client.publish(topic, nonsense(chance, genuine), qos=chance.randrange(2))
                for topic in islice(topics(victim, chance), AT_ONCE)
            ]
            await asyncio.gather(*spoken)
            for size in TOO_LONG_BYTES:
                await client.publish(readings_topic(victim), chance.randbytes(size), qos=0)


def hub_identity(world: World) -> aiomqtt.Client:
    """A connection with the hub's own certificate."""
    folder = world.hub.folder / "certificates"
    files = (str(folder / "ca.pem"), str(folder / "hub.pem"), str(folder / "hub.key"))
    return mqtt_client(world.hub.ports["broker"], "nonsense", files)


async def not_even_mqtt(world: World, mad: Device) -> None:
    """Random bytes on a connection with a good certificate."""
    context = ssl.create_default_context(cafile=mad.tls_files[0])
    context.load_cert_chain(*mad.tls_files[1:])
    port = world.hub.ports["broker"]
    with contextlib.suppress(ConnectionError):
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(world.chance.randbytes(10_000))
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def test_nonsense_on_every_topic(world: World) -> None:
    mad = await world.install(world.market.sellers[0], reports=False)
    port, victim = world.hub.ports["broker"], world.devices[0].meter_id
    async with world.load():
        for client, whose in (
            (mad.client(port), mad.meter_id),
            (mad.client(port), victim),
            (hub_identity(world), victim),
        ):
            await rave(world, client, mad.last_message, whose)
        await not_even_mqtt(world, mad)
        await world.goes_on()
    await world.check()
