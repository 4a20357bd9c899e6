"""A hub that only verifies, remembers and acknowledges."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiomqtt

from gridtokenx_protocol import cose
from gridtokenx_protocol.ack import Ack, sign_ack
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import Flag, Record
from gridtokenx_protocol.topics import READINGS_FILTER, ack_topic, parse_topic

METER_ID = bytes(range(16))
DEPLOYMENT = bytes.fromhex("a1b2c3d4")


@dataclass
class FakeHub:
    """Verifies, remembers every record, and acknowledges as the hub would.

    Attributes:
        hashes: Hash of each sequence; another hash for a known one is equivocation.
        arrivals: Sequences in the order in which they came, with repetitions.
        messages: How many records each message carried.
    """

    public_key: bytes
    signer: SoftwareSigner
    muted: bool = False
    epoch: int = 7
    acked: int = 0
    hashes: dict[int, bytes] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    extras: dict[int, dict[str, Any]] = field(default_factory=dict)
    arrivals: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    equivocations: list[int] = field(default_factory=list)
    _lost: set[int] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _client: aiomqtt.Client | None = None

    @asynccontextmanager
    async def connect(self, at: int | Path) -> AsyncIterator["FakeHub"]:
        """Serve on a broker, at a port of this machine or at a Unix socket."""
        version = aiomqtt.ProtocolVersion.V5
        if isinstance(at, Path):
            client = aiomqtt.Client(str(at), transport="unix", protocol=version)
        else:
            client = aiomqtt.Client("127.0.0.1", at, protocol=version)
        async with client:
            self._client = client
            await client.subscribe(READINGS_FILTER, qos=1)
            task = asyncio.create_task(self._serve(client))
            try:
                yield self
            finally:
                task.cancel()
                (result,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(result, asyncio.CancelledError), result

    async def _serve(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            meter_id, _ = parse_topic(str(message.topic))
            assert meter_id == METER_ID
            self.take(message.payload)
            if not self.muted:
                await self.acknowledge()
            async with self._changed:
                self._changed.notify_all()

    def take(self, message: bytes) -> None:
        signed = cose.decode(message)
        cose.verify(signed, Algorithm.ED25519, self.public_key)
        payload = Payload.decode(signed.payload)
        self.messages.append(len(payload.records))
        for record in payload.records[:-1]:
            self._take_record(record, None)
        self._take_record(payload.records[-1], payload.extras)
        while (verdict := self._next_verdict()) is not None:
            self.acked = verdict

    def _take_record(self, record: Record, extras: bytes | None) -> None:
        sequence, digest = record.sequence, record_hash(record, extras)
        self.arrivals.append(sequence)
        if self.hashes.setdefault(sequence, digest) != digest:
            self.equivocations.append(sequence)
        self.records[sequence] = record
        if extras:
            self.extras[sequence] = decode_map(extras)
            for first, last in self.extras[sequence].get("dropped", []):
                self._lost.update(range(first, last + 1))

    def _next_verdict(self) -> int | None:
        if self.acked + 1 in self.hashes or self.acked + 1 in self._lost:
            return self.acked + 1
        following = min((known for known in self.hashes if known > self.acked), default=None)
        if following is not None and self.records[following].flags & Flag.GAP:
            return following
        return None

    async def acknowledge(self, **changes: Any) -> None:
        ack = Ack(
            deployment=DEPLOYMENT,
            meter_id=METER_ID,
            epoch=self.epoch,
            sequence=self.acked,
            hash=self.hashes.get(self.acked, bytes(32)),
            time_ms=1_700_000_000_000 + len(self.arrivals),
        )
        await self.send(sign_ack(replace(ack, **changes), self.signer))

    async def send(self, message: bytes) -> None:
        assert self._client is not None
        await self._client.publish(ack_topic(METER_ID), message, qos=1, retain=True)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    async def more_records(self) -> None:
        """Wait for a record that is new."""
        known = len(self.records)
        await self.until(lambda: len(self.records) > known)

    @property
    def settlements(self) -> list[Record]:
        return [r for _, r in sorted(self.records.items()) if r.is_settlement]
