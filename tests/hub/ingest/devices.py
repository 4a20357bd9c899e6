"""Meters that sign as devices do, and an ingest between a real broker and a real database."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import aiomqtt
import asyncpg
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.ingest import Ingest
from gridtokenx_protocol import cose
from gridtokenx_protocol.ack import Ack, open_ack
from gridtokenx_protocol.keys import Algorithm, Signer, SoftwareSigner
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import ClockStatus, Record
from gridtokenx_protocol.topics import parse_topic, readings_topic

DEPLOYMENT = b"\x01\x02\x03\x04"
ACK_SIGNER = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01"))
NO_HASH = bytes(32)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Meter:
    """A device: keeps its sequence, registers and hash chain."""

    meter_id: bytes
    signer: Signer
    sequence: int = 0
    hash: bytes = NO_HASH
    produced_mwh: int = 1_000_000
    records: dict[int, Record] = field(default_factory=dict)
    messages: dict[int, bytes] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        return readings_topic(self.meter_id)

    def twin(self) -> "Meter":
        """A second device with the same key and state, as restored from a backup."""
        return replace(self, records=dict(self.records), messages=dict(self.messages))

    def record(self, **changes: Any) -> Record:
        """The next record of the chain."""
        self.sequence = changes.get("sequence", self.sequence + 1)
        self.produced_mwh += 1_000
        fields: dict[str, Any] = {
            "deployment": DEPLOYMENT,
            "meter_id": self.meter_id,
            "sequence": self.sequence,
            "time_ms": now_ms(),
            "produced_mwh": self.produced_mwh,
            "consumed_mwh": 500_000,
            "surplus_mwh": self.produced_mwh // 2,
            "active_power_mw": 0,
            "voltage_mv": 0,
            "current_ma": 0,
            "frequency_mhz": 0,
            "flags": int(ClockStatus.SYNCHRONISED),
            "previous_hash": self.hash,
        }
        record = Record(**(fields | changes))
        self.hash = record_hash(record)
        self.records[record.sequence] = record
        return record

    def message(self, *records: Record, extras: bytes | None = None) -> bytes:
        """These records (default: the next one) as a signed message."""
        chosen = records or (self.record(),)
        if extras is not None:
            self.hash = record_hash(chosen[-1], extras)
        message = cose.sign(Payload(tuple(chosen), extras).encode(), self.signer)
        self.messages[chosen[0].sequence] = message
        return message


def new_meter(number: int, algorithm: Algorithm = Algorithm.ED25519) -> Meter:
    """A meter with a fixed key of its own, its baseline signed."""
    seed = number.to_bytes(32, "big")
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    if algorithm is Algorithm.ED25519:
        key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    else:
        key = ec.derive_private_key(number, ec.SECP256R1())
    meter = Meter(number.to_bytes(16, "big"), SoftwareSigner(key))
    meter.message(meter.record(surplus_mwh=0))
    return meter


async def register(pool: asyncpg.Pool, meter: Meter, status: str = "active") -> None:
    """Do what the indexer does when the chain says that a meter is registered."""
    baseline = meter.records[1]
    await pool.execute(
        "INSERT INTO meters VALUES ($1, 'owner', $2, $3, $4, 1, 1, 1, 1, $5, $6, $7, 0, $8, now())",
        meter.meter_id,
        int(meter.signer.algorithm),
        meter.signer.public_key,
        status,
        baseline.time_ms,
        baseline.produced_mwh,
        baseline.consumed_mwh,
        record_hash(baseline),
    )


class Gateway:
    """A device's side of the broker: publishes readings and hears acks."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._changed = asyncio.Condition()
        self.acks: dict[bytes, list[Ack]] = {}

    async def publish(self, meter: Meter, *messages: bytes) -> None:
        """Publish on the meter's own topic."""
        for message in messages or (meter.message(),):
            await self._client.publish(meter.topic, message, qos=1)

    async def send_again(self, meter: Meter) -> None:
        """Publish what is not acknowledged again, as a device does after a silence."""
        acks = self.acks.get(meter.meter_id)
        acked = acks[-1].sequence if acks else 1
        for sequence, message in sorted(meter.messages.items()):
            if sequence > acked:
                await self.publish(meter, message)

    async def publish_raw(self, topic: str, message: bytes, qos: int = 1) -> None:
        """Publish anything anywhere."""
        await self._client.publish(topic, message, qos=qos)

    async def listen(self) -> None:
        """Collect acks for ever."""
        async for message in self._client.messages:
            meter_id, _ = parse_topic(str(message.topic))
            assert isinstance(message.payload, bytes)
            ack = open_ack(message.payload, ACK_SIGNER.algorithm, ACK_SIGNER.public_key)
            assert ack.meter_id == meter_id
            async with self._changed:
                self.acks.setdefault(meter_id, []).append(ack)
                self._changed.notify_all()

    async def acked(self, meter: Meter, sequence: int) -> Ack:
        """Wait until the meter's ack has reached `sequence`."""

        def reached() -> bool:
            acks = self.acks.get(meter.meter_id, [])
            return bool(acks) and acks[-1].sequence >= sequence

        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(reached)
        return self.acks[meter.meter_id][-1]


@contextlib.asynccontextmanager
async def open_gateway(broker: BrokerSettings) -> AsyncIterator[Gateway]:
    async with aiomqtt.Client(
        broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        await client.subscribe("gtx/v1/+/ack", qos=1)
        gateway = Gateway(client)
        listening = asyncio.create_task(gateway.listen())
        try:
            yield gateway
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@contextlib.asynccontextmanager
async def running(
    pool: asyncpg.Pool,
    broker: BrokerSettings,
    clock: Callable[[], int] = now_ms,
    worker: str = "1",
) -> AsyncIterator[Ingest]:
    """An ingest that is connected; stopped at the end."""
    ingest = Ingest(pool, broker, ACK_SIGNER, DEPLOYMENT, clock, worker)
    stop = asyncio.Event()
    task = asyncio.create_task(ingest.run(stop))
    try:
        await until(lambda: ingest.counters.connections > 0 or task.done())
        yield ingest
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    """Wait for something that has no event of its own."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - counters, and other processes, signal nothing
            await asyncio.sleep(0.01)
