"""Which records a reading becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gridtokenx_edge.config.model import MeterConfig
from gridtokenx_edge.guards import Accepted
from gridtokenx_edge.meters import MeterReading, Profile, Quantity
from gridtokenx_edge.records.model import ChainState, Range, SignedReading
from gridtokenx_edge.surplus import Boundary, boundary_due, close_interval
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.keys import Signer
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import NO_PREVIOUS_HASH, ClockStatus, Flag, Record


@dataclass(frozen=True, slots=True)
class Sample:
    """A reading that passed the guards.

    Attributes:
        reading: What the meter showed.
        time_ms: Unix ms, just before the meter was asked.
        clock: How far that time may be trusted.
        refused: How many readings before it each guard kept from being signed.
    """

    reading: MeterReading
    time_ms: int
    clock: ClockStatus
    refused: Mapping[str, int] = field(default_factory=dict)


class Composer:
    """Makes and signs the records of one meter. Holds no state but the key."""

    def __init__(self, config: MeterConfig, signer: Signer) -> None:
        self._config = config
        self._signer = signer

    def baseline(self, sample: Sample) -> tuple[SignedReading, ChainState]:
        """The first record of a meter: the registers that its ledger starts from."""
        reading = sample.reading
        registers = Boundary(sample.time_ms, reading.produced_mwh, reading.consumed_mwh, 0)
        signed = self._bare(1, registers, int(sample.clock), NO_PREVIOUS_HASH)
        return signed, state_at(signed)

    def beginning(
        self, state: ChainState, sample: Sample, *, replaced: bool
    ) -> tuple[SignedReading, ChainState]:
        """The record with which a new key, or a new meter, goes on.

        Like a baseline it stands for itself, so the running interval ends with it: at the
        registers that it shows, or at the last ones of the meter that was replaced.

        Args:
            state: Where the chain stands.
            sample: What the meter shows, the new one if it was replaced.
            replaced: Whether its registers are those of another meter than before.
        """
        reading, last = sample.reading, state.accepted
        ended = (
            (last.produced_mwh, last.consumed_mwh)
            if replaced
            else (reading.produced_mwh, reading.consumed_mwh)
        )
        surplus_mwh = close_interval(state.boundary, sample.time_ms, *ended).surplus_mwh
        flags = (
            int(sample.clock)
            | (Flag.GAP if state.gap else 0)
            | (Flag.REGISTER_REPLACED if replaced else 0)
        )
        registers = Boundary(
            sample.time_ms, reading.produced_mwh, reading.consumed_mwh, surplus_mwh
        )
        signed = self._bare(state.last_sequence + 1, registers, flags, state.last_hash)
        return signed, state_at(signed)

    def readings(
        self, state: ChainState, sample: Sample, dropped: Sequence[Range]
    ) -> tuple[tuple[SignedReading, ...], ChainState]:
        """An ordinary reading, and at a boundary the settlement reading behind it.

        At a boundary the ordinary reading carries the raw registers; behind refused readings it
        carries the meter-fault flag and what was refused. Without a synchronised
        clock no boundary is closed, as the chain would refuse it: the next one nets both.

        Args:
            state: Where the chain stands.
            sample: What to sign.
            dropped: Ranges whose loss the ordinary reading declares.

        Returns:
            The records in order, and where the chain stands after them.
        """
        due_ms = None
        if sample.clock is ClockStatus.SYNCHRONISED:
            interval_s = self._config.settlement_interval_s
            due_ms = boundary_due(state.boundary, sample.time_ms, interval_s)
        ordinary = self._ordinary(state, sample, dropped, with_registers=due_ms is not None)
        state = _after(state, ordinary)
        if due_ms is None:
            return (ordinary,), state
        boundary = close_interval(
            state.boundary, due_ms, sample.reading.produced_mwh, sample.reading.consumed_mwh
        )
        settlement = self._settlement(state, boundary)
        return (ordinary, settlement), replace(_after(state, settlement), boundary=boundary)

    def _ordinary(
        self, state: ChainState, sample: Sample, dropped: Sequence[Range], *, with_registers: bool
    ) -> SignedReading:
        reading = sample.reading
        record = Record(
            deployment=self._config.deployment,
            meter_id=self._config.id,
            sequence=state.last_sequence + 1,
            time_ms=sample.time_ms,
            produced_mwh=reading.produced_mwh,
            consumed_mwh=reading.consumed_mwh,
            surplus_mwh=state.boundary.surplus_mwh,
            active_power_mw=reading.active_power_mw,
            voltage_mv=reading.voltage_mv,
            current_ma=reading.current_ma,
            frequency_mhz=reading.frequency_mhz,
            flags=int(sample.clock)
            | (Flag.GAP if state.gap else 0)
            | (Flag.METER_FAULT if sample.refused else 0),
            previous_hash=state.last_hash,
        )
        extras: dict[str, object] = {}
        if with_registers:
            extras |= _raw(self._config.profile, reading)
        if sample.refused:
            extras["refused"] = dict(sample.refused)
        if dropped:
            extras["dropped"] = [[lost.first, lost.last] for lost in dropped]
        return self._sign(
            record, encode_map(extras) if extras else None, kept=False, declares=tuple(dropped)
        )

    def _settlement(self, state: ChainState, boundary: Boundary) -> SignedReading:
        flags = int(ClockStatus.SYNCHRONISED) | Flag.SETTLEMENT
        return self._bare(state.last_sequence + 1, boundary, flags, state.last_hash)

    def _bare(
        self, sequence: int, registers: Boundary, flags: int, previous_hash: bytes
    ) -> SignedReading:
        """A record that may go on chain: registers, and no load profile."""
        record = Record(
            deployment=self._config.deployment,
            meter_id=self._config.id,
            sequence=sequence,
            time_ms=registers.time_ms,
            produced_mwh=registers.produced_mwh,
            consumed_mwh=registers.consumed_mwh,
            surplus_mwh=registers.surplus_mwh,
            active_power_mw=0,
            voltage_mv=0,
            current_ma=0,
            frequency_mhz=0,
            flags=flags,
            previous_hash=previous_hash,
        )
        return self._sign(record, None, kept=True)

    def _sign(
        self,
        record: Record,
        extras: bytes | None,
        *,
        kept: bool,
        declares: tuple[Range, ...] = (),
    ) -> SignedReading:
        return SignedReading(
            record=record,
            message=cose.sign(Payload((record,), extras).encode(), self._signer),
            hash=record_hash(record, extras),
            kept=kept,
            declares=declares,
        )


def _raw(profile: Profile, reading: MeterReading) -> dict[str, object]:
    """The registers as they were on the wire, and all that it takes to read them again."""
    return {
        "profile": {
            "name": profile.name,
            "digest": profile.digest,
            "document": f"{profile.source.document}; {profile.source.revision}",
        },
        "registers": dict(reading.registers),
        "decoding": {
            name: profile.decoding(Quantity(name)).signed_form() for name in reading.registers
        },
    }


def state_at(signed: SignedReading) -> ChainState:
    """Where a chain stands after a bare record: a baseline, a settlement, a new beginning."""
    record = signed.record
    return ChainState(
        last_sequence=record.sequence,
        last_hash=signed.hash,
        gap=False,
        accepted=Accepted(record.time_ms, record.produced_mwh, record.consumed_mwh),
        boundary=Boundary(
            record.time_ms, record.produced_mwh, record.consumed_mwh, record.surplus_mwh
        ),
    )


def _after(state: ChainState, signed: SignedReading) -> ChainState:
    record = signed.record
    accepted = state.accepted
    if not record.is_settlement:
        accepted = Accepted(record.time_ms, record.produced_mwh, record.consumed_mwh)
    return replace(
        state, last_sequence=record.sequence, last_hash=signed.hash, gap=False, accepted=accepted
    )
