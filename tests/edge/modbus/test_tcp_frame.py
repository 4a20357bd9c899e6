"""Frames of Modbus TCP, against the specification's own numbers and another implementation."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
)

from gridtokenx_edge.errors import MeterError
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.modbus import tcp_frame
from gridtokenx_edge.modbus.reply import Reply

transactions = st.integers(1, 0xFFFF)
units = st.integers(1, 255)
words = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125)


def framed(transaction: int, unit: int, body: bytes) -> bytes:
    return bytes(FramerSocket(DecodePDU(False)).encode(body, unit, transaction))


def read(frame: bytes) -> Reply:
    """What a frame says in transaction 1."""
    assert tcp_frame.missing(frame) == 0
    return tcp_frame.parse(frame, 1, 3)


def test_the_example_of_the_specification() -> None:
    # registers 108 to 110 (Modbus Application Protocol 1.1b3, 6.3) of unit 255, transaction 1501
    request = tcp_frame.request(0x1501, 0xFF, Block(3, 0x6B, 3))
    assert request.hex(" ") == "15 01 00 00 00 06 ff 03 00 6b 00 03"
    reply = bytes.fromhex("15 01 00 00 00 09 ff 03 06 02 2b 00 00 00 64")
    assert tcp_frame.missing(reply) == 0
    data = bytes.fromhex("022b 0000 0064")
    assert tcp_frame.parse(reply, 0x1501, 3) == Reply(0xFF, data, None)


@given(transactions, units, st.integers(0, 0xFFFF), st.integers(1, 125))
def test_a_request_is_what_another_implementation_sends(
    transaction: int, unit: int, address: int, count: int
) -> None:
    framer = FramerSocket(DecodePDU(True))
    for function, kind in ((3, ReadHoldingRegistersRequest), (4, ReadInputRegistersRequest)):
        theirs = kind(address=address, count=count, dev_id=unit, transaction_id=transaction)
        ours = tcp_frame.request(transaction, unit, Block(function, address, count))
        assert ours == framer.buildFrame(theirs)


@given(transactions, units, words)
def test_a_reply_of_another_implementation_is_read(
    transaction: int, unit: int, registers: list[int]
) -> None:
    theirs = ReadHoldingRegistersResponse(
        registers=registers, dev_id=unit, transaction_id=transaction
    )
    frame = bytes(FramerSocket(DecodePDU(False)).buildFrame(theirs))
    assert tcp_frame.missing(frame) == 0
    data = b"".join(word.to_bytes(2, "big") for word in registers)
    assert tcp_frame.parse(frame, transaction, 3) == Reply(unit, data, None)
    assert all(tcp_frame.missing(frame[:size]) > 0 for size in range(len(frame)))
    assert tcp_frame.missing(frame + b"\0") == -1


def test_an_exception_is_an_answer() -> None:
    frame = framed(1, 17, bytes.fromhex("83 02"))
    assert read(frame) == Reply(17, b"", 2)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("0002 0000 0005 11 03 02 00 01", "wrong_transaction"),
        ("0000 0000 0005 11 03 02 00 01", "wrong_transaction"),
        ("0001 0000 0005 11 04 02 00 01", "wrong_function"),
        ("0001 0000 0003 11 84 02", "wrong_function"),
        ("0001 0000 0005 11 83 02 00 01", "wrong_function"),
        ("0001 0000 0005 11 03 04 00 01", "wrong_length"),
        ("0001 0000 0005 11 03 00 00 01", "wrong_length"),
        ("0001 0000 0004 11 03 01 00", "wrong_length"),
        ("0001 0001 0005 11 03 02 00 01", "wrong_protocol"),
        ("0001 0000 0002 11 03", "wrong_protocol"),
        ("0001 0000 00ff 11 03 fc", "wrong_protocol"),
    ],
)
def test_what_is_not_the_reply_has_a_name(frame: str, reason: str) -> None:
    with pytest.raises(MeterError) as caught:
        read(bytes.fromhex(frame))
    assert caught.value.reason == reason


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_reply_or_refused(data: bytes) -> None:
    with suppress(MeterError):
        if tcp_frame.missing(data) == 0:
            assert len(tcp_frame.parse(data, 1, 3).data) % 2 == 0
