"""The meters of the ingest benchmark, the same in each of its processes."""

import hashlib
import struct

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.record import RECORD_MAGIC, ClockStatus
from gridtokenx_protocol.topics import readings_topic

DEPLOYMENT = b"\x01\x02\x03\x04"
ACK_SIGNER = SoftwareSigner(Ed25519PrivateKey.from_private_bytes(bytes(32)))
START_MS = 1_700_000_000_000
RECORD = struct.Struct("<24sQQQQQqIiII32s")
"""Packed here and not by the protocol's own `Record`, so that making readings takes little of the
machine from what is measured: devices each have a processor of their own."""


class Meter:
    """A device that signs a chain of readings, with libsodium, the fastest at it."""

    algorithm = Algorithm.ED25519

    def __init__(self, number: int) -> None:
        self.meter_id = number.to_bytes(16, "big")
        self.topic = readings_topic(self.meter_id)
        self.public_key, self._secret = crypto_sign_seed_keypair((number + 1).to_bytes(32, "big"))
        self._head = RECORD_MAGIC + DEPLOYMENT + self.meter_id
        self.sequence = 0
        self.hash = bytes(32)
        self._record(START_MS)

    def sign(self, message: bytes) -> bytes:
        """As a protocol's `Signer`."""
        return crypto_sign(message, self._secret)[:64]

    def registers(self) -> tuple[int, int, int]:
        """Produced, consumed and surplus of the last reading, mWh."""
        return self.sequence * 1_000, self.sequence * 500, self.sequence * 400

    def _record(self, time_ms: int) -> bytes:
        self.sequence += 1
        record = RECORD.pack(
            self._head,
            self.sequence,
            time_ms,
            *self.registers(),
            3_600_000,
            230_000,
            15_600,
            50_000,
            int(ClockStatus.SYNCHRONISED),
            self.hash,
        )
        self.hash = hashlib.sha256(record).digest()
        return record

    def message(self, time_ms: int, readings: int) -> bytes:
        """The next readings under one signature."""
        return cose.sign(b"".join(self._record(time_ms) for _ in range(readings)), self)


async def register(pool: asyncpg.Pool, meters: list[Meter]) -> None:
    """Register new meters as the indexer does."""
    await pool.executemany(
        "INSERT INTO meters VALUES ($1, 'owner', 0, $2, 'active', 1, 1, 1, 1, $3, $4, $5, $6, $7,"
        " now())",
        [
            (meter.meter_id, meter.public_key, START_MS, *meter.registers(), meter.hash)
            for meter in meters
        ],
    )
