"""The meters of the ingest benchmark, the same in each of its processes."""

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus, Record
from gridtokenx_protocol.topics import readings_topic

DEPLOYMENT = b"\x01\x02\x03\x04"
ACK_SIGNER = SoftwareSigner(Ed25519PrivateKey.from_private_bytes(bytes(32)))
START_MS = 1_700_000_000_000


class Meter:
    """A device that signs a chain of readings."""

    def __init__(self, number: int) -> None:
        self.meter_id = number.to_bytes(16, "big")
        self.topic = readings_topic(self.meter_id)
        self.signer = SoftwareSigner(
            Ed25519PrivateKey.from_private_bytes((number + 1).to_bytes(32, "big"))
        )
        self.sequence = 0
        self.hash = bytes(32)
        self.baseline = self._record(START_MS)

    def _record(self, time_ms: int) -> Record:
        self.sequence += 1
        record = Record(
            deployment=DEPLOYMENT,
            meter_id=self.meter_id,
            sequence=self.sequence,
            time_ms=time_ms,
            produced_mwh=self.sequence * 1_000,
            consumed_mwh=self.sequence * 500,
            surplus_mwh=self.sequence * 400,
            active_power_mw=3_600_000,
            voltage_mv=230_000,
            current_ma=15_600,
            frequency_mhz=50_000,
            flags=int(ClockStatus.SYNCHRONISED),
            previous_hash=self.hash,
        )
        self.hash = record_hash(record)
        return record

    def message(self, time_ms: int, readings: int) -> bytes:
        """The next readings under one signature."""
        payload = b"".join(self._record(time_ms).encode() for _ in range(readings))
        return cose.sign(payload, self.signer)


async def register(pool: asyncpg.Pool, meters: list[Meter]) -> None:
    """Register the meters as the indexer does."""
    await pool.executemany(
        "INSERT INTO meters VALUES ($1, 'owner', 0, $2, 'active', 1, 1, 1, 1, $3, $4, $5, $6, $7,"
        " now())",
        [
            (
                meter.meter_id,
                meter.signer.public_key,
                meter.baseline.time_ms,
                meter.baseline.produced_mwh,
                meter.baseline.consumed_mwh,
                meter.baseline.surplus_mwh,
                meter.hash,
            )
            for meter in meters
        ],
    )
