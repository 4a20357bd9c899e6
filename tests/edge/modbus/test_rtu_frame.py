"""Frames, against the specification's own numbers and another implementation of the CRC."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU

from gridtokenx_edge.errors import MeterReplyError
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.modbus import rtu_frame
from gridtokenx_edge.modbus.reply import Reply


def framed(body: bytes) -> bytes:
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def test_a_request_is_what_other_masters_send() -> None:
    # unit 17, registers 108 to 110: the example of the specification, and its known CRC
    assert rtu_frame.request(17, Block(3, 107, 3)).hex() == "1103006b00037687"


@given(st.integers(1, 247), st.binary(min_size=2, max_size=250).filter(lambda d: len(d) % 2 == 0))
def test_a_reply_of_another_implementation_is_read(unit: int, data: bytes) -> None:
    frame = framed(bytes([unit, 3, len(data)]) + data)
    assert rtu_frame.missing(frame, 3) == 0
    assert rtu_frame.parse(frame) == Reply(unit, data, None)
    assert all(rtu_frame.missing(frame[:size], 3) > 0 for size in range(len(frame)))


@given(st.binary(min_size=8, max_size=8), st.integers(0, 12), st.integers(1, 255))
def test_no_damaged_byte_is_overlooked(data: bytes, place: int, change: int) -> None:
    frame = bytearray(framed(bytes([1, 3, 8]) + data))
    frame[place] ^= change
    with pytest.raises(MeterReplyError) as caught:
        rtu_frame.parse(bytes(frame))
    assert caught.value.reason == "bad_crc"


def test_an_exception_is_shorter() -> None:
    frame = framed(bytes([1, 0x83, 2]))
    assert rtu_frame.missing(frame, 3) == 0
    assert rtu_frame.missing(frame[:4], 3) == 1
    assert rtu_frame.parse(frame).exception == 2


@pytest.mark.parametrize("function", [0, 4, 0x84, 0xFF])
def test_the_reply_to_another_function_is_refused(function: int) -> None:
    with pytest.raises(MeterReplyError) as caught:
        rtu_frame.missing(bytes([1, function, 2]), 3)
    assert caught.value.reason == "wrong_function"
