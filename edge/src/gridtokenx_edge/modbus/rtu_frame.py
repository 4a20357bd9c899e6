"""Frames on a serial line: unit, function, data, CRC (Modbus over Serial Line 1.02, 2.5.1)."""

import struct
from typing import Final

from gridtokenx_edge.errors import MeterReplyError
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.modbus.reply import EXCEPTION_BIT, Reply, wrong_function

REQUEST_SIZE: Final = 8
EXCEPTION_SIZE: Final = 5
LONGEST: Final = 256
_OVERHEAD: Final = 5


def request(unit: int, block: Block) -> bytes:
    """The frame that asks for a block."""
    body = struct.pack(">BBHH", unit, block.function, block.address, block.count)
    return body + _crc(body)


def reply_size(count: int) -> int:
    """How long the reply with so many registers is."""
    return _OVERHEAD + 2 * count


def missing(data: bytes, function: int) -> int:
    """How many bytes a reply that begins so lacks; at least so many are still to come.

    Args:
        data: What has come so far.
        function: That of the request.

    Raises:
        MeterReplyError: ``wrong_function``: no reply to this request begins so.
    """
    if len(data) < 3:
        return EXCEPTION_SIZE - len(data)
    if data[1] == function | EXCEPTION_BIT:
        return EXCEPTION_SIZE - len(data)
    if data[1] != function:
        raise wrong_function(data[1], function)
    return _OVERHEAD + data[2] - len(data)


def parse(data: bytes) -> Reply:
    """Take a whole frame apart.

    Raises:
        MeterReplyError: ``bad_crc``.
    """
    if _crc(data[:-2]) != data[-2:]:
        raise MeterReplyError(
            "bad_crc", "a reply came damaged; check cable, termination, baud rate and parity"
        )
    if data[1] & EXCEPTION_BIT:
        return Reply(data[0], b"", data[2])
    return Reply(data[0], data[3:-2], None)


def _table() -> tuple[int, ...]:
    values = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)  # noqa: PLW2901 - shifted in place
        values.append(value)
    return tuple(values)


_TABLE: Final = _table()


def _crc(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")
