"""Frames on a serial line: unit, function, data, CRC (Modbus over Serial Line 1.02, 2.5.1)."""

from typing import Final

SHORTEST: Final = 4
LONGEST: Final = 256
_FIXED: Final = {**dict.fromkeys(range(1, 7), 8), 43: 7}
_MULTIPLE: Final = {15, 16}


def crc(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def frame(unit: int, pdu: bytes) -> bytes:
    """A frame for the line."""
    body = bytes([unit]) + pdu
    return body + crc(body)


def request_length(data: bytes) -> int | None:
    """How long the request that begins so is; None when more bytes must tell, or none can."""
    if len(data) > 1 and data[1] in _FIXED:
        return _FIXED[data[1]]
    if len(data) > 6 and data[1] in _MULTIPLE:
        return 9 + data[6]
    return None


def is_whole(data: bytes) -> bool:
    """Whether a frame with the right CRC is there."""
    return len(data) >= SHORTEST and crc(data[:-2]) == data[-2:]
