"""Records beyond the vectors: both ways a fixed point, nothing out of range."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol.errors import Malformed, ProtocolError
from gridtokenx_protocol.record import RECORD_SIZE, ClockStatus, Flag, Record

from .strategies import records

READING = Record(
    bytes(4), bytes(16), 1, 0, 0, 0, 0, 0, 0, 0, 0, ClockStatus.SYNCHRONISED, bytes(32)
)


@given(records())
def test_decoding_gives_back_what_was_encoded(record: Record) -> None:
    assert len(record.encode()) == RECORD_SIZE
    assert Record.decode(record.encode()) == record


@given(st.binary(min_size=116, max_size=116) | st.binary(max_size=200), st.booleans())
def test_what_decodes_encodes_to_the_same_bytes(body: bytes, magic: bool) -> None:
    data = b"GTX1" + body if magic else body
    try:
        record = Record.decode(data)
    except ProtocolError:
        return
    assert record.encode() == data


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deployment", bytes(3)),
        ("deployment", bytes(5)),
        ("meter_id", bytes(15)),
        ("previous_hash", bytes(33)),
        ("sequence", 0),
        ("sequence", -1),
        ("sequence", 2**64),
        ("time_ms", -1),
        ("produced_mwh", 2**64),
        ("consumed_mwh", -1),
        ("surplus_mwh", 2**64),
        ("active_power_mw", 2**63),
        ("voltage_mv", -1),
        ("current_ma", -(2**31) - 1),
        ("frequency_mhz", 2**32),
        ("flags", -1),
        ("flags", 1 << 7),
    ],
)
def test_a_record_out_of_range_cannot_be_made(field: str, value: Any) -> None:
    with pytest.raises(Malformed):
        replace(READING, **{field: value})


def test_flags_and_clock() -> None:
    settlement = replace(READING, flags=Flag.SETTLEMENT | Flag.GAP | ClockStatus.INFORMATIVE)
    assert settlement.is_settlement
    assert settlement.clock is ClockStatus.INFORMATIVE
    assert not READING.is_settlement
