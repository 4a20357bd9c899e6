"""From the words of one register to a number."""

import math
import struct
from fractions import Fraction
from typing import Final

from gridtokenx_edge.meters.profile import NotAvailable, RegisterType

_FORMATS: Final = {
    RegisterType.UINT16: ">H",
    RegisterType.INT16: ">h",
    RegisterType.UINT32: ">I",
    RegisterType.INT32: ">i",
    RegisterType.UINT64: ">Q",
    RegisterType.INT64: ">q",
    RegisterType.FLOAT32: ">f",
    RegisterType.FLOAT64: ">d",
}


def unpack_number(
    raw: bytes, kind: RegisterType, *, little_words: bool, not_available: NotAvailable
) -> Fraction | None:
    """The exact number in some words; a float is the fraction that it is.

    Args:
        raw: Two bytes a register, in wire order.
        kind: How they make a number.
        little_words: Whether the least significant word comes first.
        not_available: What an integer shows when there is no value.

    Returns:
        None when it is marked as not available, or is no number.
    """
    if little_words:
        raw = b"".join(raw[start : start + 2] for start in range(len(raw) - 2, -1, -2))
    (number,) = struct.unpack(_FORMATS[kind], raw)
    if isinstance(number, float):
        return Fraction(number) if math.isfinite(number) else None
    return None if number == _missing(kind, not_available) else Fraction(number)


def _missing(kind: RegisterType, not_available: NotAvailable) -> int | None:
    bits = 16 * kind.words
    if not_available is NotAvailable.NONE:
        return None
    if kind.startswith("uint"):
        return int(2**bits - 1)
    sign_bit = int(2 ** (bits - 1))
    return sign_bit - 1 if not_available is NotAvailable.HIGHEST else -sign_bit
