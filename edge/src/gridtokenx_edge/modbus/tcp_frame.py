"""Frames of Modbus TCP: transaction, protocol, length, unit; then function and data.

Modbus Messaging on TCP/IP Implementation Guide 1.0b, 3.1.3.
"""

import struct
from typing import Final

from gridtokenx_edge.errors import MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.modbus.reply import EXCEPTION_BIT, Reply, wrong_function

_REQUEST: Final = struct.Struct(">HHHBBHH")
_REQUEST_LENGTH: Final = 6
_HEAD: Final = struct.Struct(">HHHB")
_BEFORE_LENGTH_COUNTS: Final = 6
_LENGTHS: Final = range(3, 255)
"""From an exception to the longest frame; the unit is counted."""


def request(transaction: int, unit: int, block: Block) -> bytes:
    """The frame that asks for a block."""
    return _REQUEST.pack(
        transaction, 0, _REQUEST_LENGTH, unit, block.function, block.address, block.count
    )


def missing(data: bytes) -> int:
    """How many bytes a reply that begins so lacks; at least so many are still to come.

    Raises:
        MeterUnreachable: ``wrong_protocol``: no frame of Modbus TCP begins so.
    """
    if len(data) < _HEAD.size:
        return _HEAD.size - len(data)
    _, protocol, length, _ = _HEAD.unpack_from(data)
    if protocol or length not in _LENGTHS:
        raise MeterUnreachable(
            "wrong_protocol",
            "something else than Modbus TCP came back; check host and port, or set kind ="
            ' "rtu-over-tcp" for a gateway that passes serial frames on',
        )
    return _BEFORE_LENGTH_COUNTS + int(length) - len(data)


def parse(data: bytes, transaction: int, function: int) -> Reply:
    """Take a whole frame apart.

    Raises:
        MeterReplyError: ``wrong_transaction`` or ``wrong_function``: it answers another
            request; ``wrong_length``: its two lengths contradict each other.
    """
    answered, _, _, unit = _HEAD.unpack_from(data)
    if answered != transaction:
        raise MeterReplyError(
            "wrong_transaction",
            f"transaction {answered} came back, {transaction} was asked; if it is so every time,"
            ' the gateway counts on its own: let it pass serial frames on (kind = "rtu-over-tcp")',
        )
    came, size, content = data[_HEAD.size], data[_HEAD.size + 1], data[_HEAD.size + 2 :]
    if came == function | EXCEPTION_BIT and not content:
        return Reply(unit, b"", size)
    if came != function:
        raise wrong_function(came, function)
    if size != len(content) or size % 2:
        raise MeterReplyError(
            "wrong_length", f"{len(content)} bytes came back as {size}; check the gateway"
        )
    return Reply(unit, content, None)
