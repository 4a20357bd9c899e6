"""A spool that readings are appended to, and what was signed."""

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.meters import MeterReading
from gridtokenx_edge.records import ChainState, Composer, Sample, SignedReading
from gridtokenx_edge.spool import AckOutcome, Spool
from gridtokenx_edge.spool.inspect import verify
from gridtokenx_edge.spool.schema import open_for_reading
from gridtokenx_protocol.ack import Ack
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.record import ClockStatus

SIGNER = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))
T0 = 1_700_000_000_000
DAY_MS = 86_400_000


def sample(time_ms: int, energy_mwh: int) -> Sample:
    reading = MeterReading(energy_mwh, energy_mwh // 3, 0, 0, 0, 0, {"produced": bytes(8)})
    return Sample(reading, time_ms, ClockStatus.SYNCHRONISED)


class Chain:
    """A spool that readings are appended to, one every second."""

    def __init__(self, config: MeterConfig) -> None:
        self.config = config
        self.composer = Composer(config, SIGNER)
        self.spool = Spool.open(config.spool)
        self.time_ms = T0
        self.signed: dict[int, SignedReading] = {}
        baseline, state = self.composer.baseline(sample(T0, 0))
        self.put((baseline,), state)

    def put(self, readings: tuple[SignedReading, ...], state: ChainState) -> int:
        for reading in readings:
            assert reading.record.sequence not in self.signed, "a sequence was used twice"
        lost = self.spool.append(readings, state)
        self.signed |= {reading.record.sequence: reading for reading in readings}
        return lost

    def append(self, seconds: int = 1) -> tuple[SignedReading, ...]:
        self.time_ms += seconds * 1000
        assert self.spool.state is not None
        readings, state = self.composer.readings(
            self.spool.state,
            sample(self.time_ms, self.time_ms - T0),
            self.spool.undeclared(),
        )
        self.put(readings, state)
        return readings

    def ack(self, sequence: int, epoch: int = 1, **changes: Any) -> AckOutcome:
        known = self.signed.get(sequence)
        ack = Ack(
            deployment=self.config.deployment,
            meter_id=self.config.id,
            epoch=epoch,
            sequence=sequence,
            hash=known.hash if known else bytes(32),
            time_ms=self.time_ms,
        )
        return self.spool.apply_ack(replace(ack, **changes), self.time_ms)

    def held(self) -> set[int]:
        connection = open_for_reading(self.config.spool.path)
        rows = connection.execute("SELECT sequence FROM reading").fetchall()
        connection.close()
        return {sequence for (sequence,) in rows}

    def problems(self) -> list[str]:
        connection = open_for_reading(self.config.spool.path)
        report = verify(connection, (SIGNER.public_key,))
        connection.close()
        return report.problems

    def reopen(self) -> None:
        self.spool.close()
        self.spool = Spool.open(self.config.spool)
