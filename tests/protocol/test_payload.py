"""Payloads beyond the vectors."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.errors import Malformed, ProtocolError
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import Flag, Record

from .strategies import cbor_maps, records

ORDINARY = records().filter(lambda record: not record.is_settlement)


@given(
    ORDINARY.filter(lambda record: record.sequence < 2**64 - 40),
    st.integers(1, 32),
    cbor_maps | st.none(),
)
def test_decoding_gives_back_what_was_encoded(
    first: Record, count: int, extras: dict[str, object] | None
) -> None:
    run = tuple(replace(first, sequence=first.sequence + step) for step in range(count))
    payload = Payload(run, encode_map(extras) if extras else None)
    assert Payload.decode(payload.encode()) == payload


@given(st.lists(ORDINARY, max_size=3), st.binary(max_size=60))
def test_what_decodes_encodes_to_the_same_bytes(run: list[Record], rest: bytes) -> None:
    data = b"".join(record.encode() for record in run) + rest
    try:
        payload = Payload.decode(data)
    except ProtocolError:
        return
    assert payload.encode() == data


@given(ORDINARY)
def test_a_settlement_reading_travels_alone(record: Record) -> None:
    settlement = replace(
        record, flags=Flag.SETTLEMENT, active_power_mw=0, voltage_mv=0, current_ma=0,
        frequency_mhz=0,
    )  # fmt: skip
    Payload((settlement,))
    with pytest.raises(Malformed, match="alone"):
        Payload((settlement,), encode_map({"a": 1}))


@given(ORDINARY.filter(lambda record: record.sequence < 2**64 - 40))
def test_a_payload_has_1_to_32_records(first: Record) -> None:
    run = [replace(first, sequence=first.sequence + step) for step in range(33)]
    for records_ in ((), tuple(run)):
        with pytest.raises(Malformed, match="1 to 32"):
            Payload(records_)


@given(ORDINARY)
def test_the_hash_covers_the_extras(record: Record) -> None:
    assert record_hash(record) == record_hash(record.encode())
    assert record_hash(record, b"\xa1\x61a\x01") != record_hash(record)
