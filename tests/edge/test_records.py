"""Which records a reading becomes, and how they hang together."""

from typing import cast

import pytest

from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.meters import MeterReading, Quantity
from gridtokenx_edge.records import ChainState, Composer, Range, Sample, SignedReading
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import NO_PREVIOUS_HASH, ClockStatus, Flag
from gridtokenx_protocol.registers import DecodingRule

T0 = 1_700_000_100_000
SYNCHRONISED = ClockStatus.SYNCHRONISED


def sample(
    time_ms: int, produced: int = 1_000, consumed: int = 2_000, clock: ClockStatus = SYNCHRONISED
) -> Sample:
    registers = {"produced": produced.to_bytes(8, "big"), "consumed": consumed.to_bytes(8, "big")}
    reading = MeterReading(produced, consumed, -7_000, 230_000, 30, 50_000, registers)
    return Sample(reading, time_ms, clock)


@pytest.fixture
def composer(meter_config: MeterConfig, signer: SoftwareSigner) -> Composer:
    return Composer(meter_config, signer)


@pytest.fixture
def start(composer: Composer) -> ChainState:
    return composer.baseline(sample(T0))[1]


def extras_of(signed: SignedReading) -> dict[str, object]:
    extras = Payload.decode(cose.decode(signed.message).payload).extras
    return decode_map(extras) if extras else {}


def boundary_after(time_ms: int) -> int:
    return (time_ms // 900_000 + 1) * 900_000


def test_the_baseline(composer: Composer, signer: SoftwareSigner) -> None:
    signed, state = composer.baseline(sample(T0))
    record = signed.record
    assert record.encode()[64:84] == bytes(20)
    assert (record.sequence, record.surplus_mwh, record.flags) == (1, 0, 3)
    assert record.previous_hash == NO_PREVIOUS_HASH
    assert signed.kept
    cose.verify(cose.decode(signed.message), signer.algorithm, signer.public_key)
    assert state.last_sequence == 1
    assert state.last_hash == record_hash(record)


def test_an_ordinary_reading(composer: Composer, start: ChainState) -> None:
    (signed,), state = composer.readings(start, sample(T0 + 1_000), ())
    record = signed.record
    assert record.sequence == 2
    assert record.previous_hash == start.last_hash
    assert record.active_power_mw == -7_000
    assert record.current_ma == 30
    assert not extras_of(signed)
    assert not signed.kept
    assert state.boundary == start.boundary


def test_a_boundary_makes_a_pair(
    composer: Composer, start: ChainState, meter_config: MeterConfig
) -> None:
    due = boundary_after(T0)
    (ordinary, settlement), state = composer.readings(start, sample(due + 150, 5_000, 3_000), ())
    assert ordinary.record.time_ms == due + 150
    assert ordinary.record.surplus_mwh == 0
    assert extras_of(ordinary)["registers"] == {
        "produced": (5_000).to_bytes(8, "big"),
        "consumed": (3_000).to_bytes(8, "big"),
    }
    assert extras_of(ordinary)["profile"] == {
        "name": meter_config.profile.name,
        "digest": meter_config.profile.digest,
        "document": f"{meter_config.profile.source.document}; "
        f"{meter_config.profile.source.revision}",
    }
    decoding = cast("dict[str, object]", extras_of(ordinary)["decoding"])
    assert {name: DecodingRule.from_signed_form(rule) for name, rule in decoding.items()} == {
        str(quantity): meter_config.profile.decoding(quantity)
        for quantity in (Quantity.PRODUCED, Quantity.CONSUMED)
    }
    record = settlement.record
    assert record.time_ms == due
    assert record.flags == SYNCHRONISED | Flag.SETTLEMENT
    assert record.encode()[64:84] == bytes(20)
    assert record.surplus_mwh == 3_000
    assert record.previous_hash == ordinary.hash
    assert settlement.kept
    assert len(cose.decode(settlement.message).payload) == 120
    assert (state.last_sequence, state.boundary.surplus_mwh) == (3, 3_000)
    (again,), _ = composer.readings(state, sample(due + 350, 5_000, 3_000), ())
    assert not again.record.is_settlement


@pytest.mark.parametrize(
    "status", [ClockStatus.UNKNOWN, ClockStatus.RELATIVE, ClockStatus.INFORMATIVE]
)
def test_without_a_synchronised_clock_no_boundary_is_closed(
    composer: Composer, start: ChainState, status: ClockStatus
) -> None:
    due = boundary_after(T0)
    (signed,), state = composer.readings(start, sample(due, 5_000, 2_000, status), ())
    assert signed.record.clock is status
    (_, settlement), _ = composer.readings(state, sample(due + 900_000, 6_000, 3_500), ())
    assert settlement.record.surplus_mwh == 3_500, "both intervals are netted as one"


def test_a_gap_is_said_once_and_by_an_ordinary_reading(
    composer: Composer, start: ChainState
) -> None:
    behind = ChainState(5_000, bytes(32), True, start.accepted, start.boundary)
    pair, state = composer.readings(behind, sample(boundary_after(T0)), ())
    assert [bool(signed.record.flags & Flag.GAP) for signed in pair] == [True, False]
    assert pair[0].record.sequence == 5_001
    assert not state.gap


def test_dropped_ranges_are_declared_beside_the_registers(
    composer: Composer, start: ChainState
) -> None:
    lost = (Range(2, 9), Range(12, 12))
    pair, _ = composer.readings(start, sample(boundary_after(T0)), lost)
    assert extras_of(pair[0])["dropped"] == [[2, 9], [12, 12]]
    assert pair[0].declares == lost
    assert not pair[1].declares
    assert pair[1].record.previous_hash == pair[0].hash
