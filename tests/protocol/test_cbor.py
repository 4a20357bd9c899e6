"""Our strict CBOR against cbor2: it writes and accepts cbor2's deterministic form, nothing else."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol.cbor import decode_map, encode_map
from gridtokenx_protocol.errors import Malformed, ProtocolError

from .strategies import cbor_maps


@given(cbor_maps)
def test_it_reads_what_cbor2_writes(value: dict[str, Any]) -> None:
    data = cbor2.dumps(value, canonical=True)
    assert decode_map(data) == value
    assert encode_map(value) == data


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xa1", b"\xa1\x61a", b"\xa2\x61a"]))
def test_what_it_reads_has_one_form(rest: bytes, start: bytes) -> None:
    data = start + rest
    try:
        value = decode_map(data)
    except ProtocolError:
        return
    assert encode_map(value) == data
    assert cbor2.loads(data) == value


@pytest.mark.parametrize(
    "value",
    [
        {"float": 1.5},
        {"big": 2**64},
        {"undefined": cbor2.undefined},
        {1: "one", "a": "mixed keys"},
        {-1: "negative key"},
        {b"bytes": 1},
        {"object": object()},
        {"bytes": bytearray(1)},
        {"text": "\ud800"},
        {True: 1},
        {None: 1},
        {(1,): 1},
        {"deep": [[[[[[[[0]]]]]]]]},
    ],
    ids=str,
)
def test_what_could_not_be_read_is_not_written(value: dict[Any, Any]) -> None:
    with pytest.raises(Malformed):
        encode_map(value)


@pytest.mark.parametrize(
    "data", ["9bffffffffffffffff", "bbffffffffffffffff", "a161619bffffffffffffffff"]
)
def test_a_huge_length_costs_nothing(data: str) -> None:
    with pytest.raises(Malformed):
        decode_map(bytes.fromhex(data))


def test_deep_nesting_is_an_error_of_the_protocol() -> None:
    with pytest.raises(Malformed, match="deeper"):
        decode_map(b"\xa1\x61a" + b"\x81" * 10_000 + b"\x00")
