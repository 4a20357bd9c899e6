"""The short way to a verdict and the long one come to the same."""

import random

import pytest

from gridtokenx_hub.ingest.model import Reading, Verified
from gridtokenx_hub.ingest.verdicts import NO_HASH, Fate, MeterState, follows, judge
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus, Flag, RecordFields, read_fields

from .devices import new_meter

SYNCHRONISED = int(ClockStatus.SYNCHRONISED)


def long_way(state: MeterState, reading: Reading, fields: RecordFields) -> Fate:
    message = Verified("", b"", state.meter_id, b"", -8, bytes(64), [reading])
    (judgement,) = judge(state, [(message, reading)], {})
    assert judgement.reading.record in (fields, None)
    return judgement.fate


@pytest.mark.parametrize("seed", range(200))
def test_a_reading_that_follows_is_one_that_is_stored(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same case each time
    meter = new_meter(1)
    previous = chance.choice((NO_HASH, meter.hash, meter.hash, meter.hash))
    state = MeterState(
        meter.meter_id,
        meter.sequence,
        chance.choice((NO_HASH, meter.hash, meter.hash, meter.hash)),
        meter.sequence,
        (meter.produced_mwh, 500_000, 0),
        meter.signer.public_key,
        None,
        0,
        revoked=chance.random() < 0.1,
    )
    flags = SYNCHRONISED | chance.choice((0, 0, 0, Flag.GAP, Flag.REGISTER_REPLACED))
    consumed_mwh = chance.choice((500_000, 500_000, 600_000, 499_999))
    record = meter.record(previous_hash=previous, flags=flags, consumed_mwh=consumed_mwh)
    fields = read_fields(record.encode())
    reading = Reading(record.sequence, record_hash(record), fields)
    if chance.random() < 0.1:
        reading.reason = "future"
    short = follows(state, reading)
    assert short == (long_way(state, reading, fields) is Fate.STORED)


def test_only_the_next_reading_follows_and_only_when_nothing_is_missing() -> None:
    meter = new_meter(1)
    registers = (meter.produced_mwh, 500_000, 0)
    key = meter.signer.public_key
    record = meter.record()
    reading = Reading(record.sequence, record_hash(record), read_fields(record.encode()))

    def state(sequence: int, highest: int) -> MeterState:
        return MeterState(
            meter.meter_id, sequence, NO_HASH, highest, registers, key, None, 0, revoked=False
        )

    assert follows(state(1, 1), reading)
    assert not follows(state(0, 0), reading)
    assert not follows(state(2, 2), reading)
    assert not follows(state(1, 2), reading)
