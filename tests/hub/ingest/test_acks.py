"""When acks are published: at once, then at most one a second for each meter, the last always."""

import asyncio
from itertools import pairwise

import pytest

from gridtokenx_hub.ingest.acks import AckPublisher
from gridtokenx_hub.ingest.counters import Counters
from gridtokenx_protocol.ack import open_ack
from gridtokenx_protocol.topics import parse_topic

from .devices import ACK_SIGNER, DEPLOYMENT, until


class Connection:
    """Stands in for the broker's side: what is published, and when there is room."""

    def __init__(self) -> None:
        self.closed = False
        self.has_room = True
        self.published: list[tuple[float, bytes, int]] = []

    def publish(self, topic: str, payload: bytes) -> None:
        ack = open_ack(payload, ACK_SIGNER.algorithm, ACK_SIGNER.public_key)
        assert parse_topic(topic) == (ack.meter_id, "ack")
        now = asyncio.get_running_loop().time()
        self.published.append((now, ack.meter_id, ack.sequence))

    def of(self, meter_id: bytes) -> list[tuple[float, int]]:
        return [(at, sequence) for at, meter, sequence in self.published if meter == meter_id]


METERS = [number.to_bytes(16, "big") for number in range(100)]


@pytest.fixture
def acks() -> AckPublisher:
    return AckPublisher(ACK_SIGNER, DEPLOYMENT, lambda: 5, Counters())


async def test_each_meter_is_told_at_most_once_a_second_and_the_last_state_always(
    acks: AckPublisher,
) -> None:
    connection = Connection()
    running = asyncio.create_task(acks.run(connection, 1))  # type: ignore[arg-type] # its three names
    for sequence in range(1, 31):
        acks.note({METERS[0]: (sequence, bytes(32)), METERS[1]: (sequence, bytes(32))})
        await asyncio.sleep(0.05)
    await until(lambda: all(connection.of(meter)[-1][1] == 30 for meter in METERS[:2]))
    for meter in METERS[:2]:
        told = connection.of(meter)
        assert told[0][1] == 1, "the first is not held back"
        assert len(told) <= 4
        for (before, _), (after, _) in pairwise(told):
            assert after - before >= 0.99
    running.cancel()


async def test_a_broker_without_room_is_waited_for(acks: AckPublisher) -> None:
    connection = Connection()
    connection.has_room = False
    running = asyncio.create_task(acks.run(connection, 1))  # type: ignore[arg-type] # its three names
    acks.note({meter: (1, bytes(32)) for meter in METERS})
    await asyncio.sleep(0.1)
    assert not connection.published
    acks.note({meter: (2, bytes(32)) for meter in METERS})
    connection.has_room = True
    acks.wake()
    await until(lambda: len(connection.published) == 100)
    assert {sequence for _, _, sequence in connection.published} == {2}
    running.cancel()


async def test_it_ends_with_the_connection(acks: AckPublisher) -> None:
    connection = Connection()
    running = asyncio.create_task(acks.run(connection, 1))  # type: ignore[arg-type] # its three names
    await asyncio.sleep(0)
    connection.closed = True
    acks.wake()
    async with asyncio.timeout(5):
        await running
