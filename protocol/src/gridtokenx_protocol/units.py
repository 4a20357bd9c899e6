"""Units of energy, electricity, time and money: integers, with exact decimal text at the edges."""

import re
from decimal import Decimal
from typing import NewType

from gridtokenx_protocol.errors import UnitError

MilliwattHours = NewType("MilliwattHours", int)
Milliwatts = NewType("Milliwatts", int)
Millivolts = NewType("Millivolts", int)
Milliamperes = NewType("Milliamperes", int)
Millihertz = NewType("Millihertz", int)
UnixMs = NewType("UnixMs", int)
UnixSeconds = NewType("UnixSeconds", int)
MicroGrx = NewType("MicroGrx", int)

MWH_PER_KWH = 1_000_000
"""Milliwatt-hours in a kilowatt-hour, and base units in one energy token."""
LOT_MWH = 1_000
"""Orders, fills and remainders are whole multiples of this."""
MICRO_GRX_PER_GRX = 1_000_000
U64_MAX = 2**64 - 1

_FRACTION_DIGITS = 6
_DECIMAL = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,6}))?")


def quote(amount_mwh: int, price_micro_grx_per_kwh: int) -> MicroGrx:
    """Price of an amount of energy, rounded up to a whole µGRX.

    A partial fill pays ``quote(filled_after) - quote(filled_before)``, so that the parts add
    up to the whole.

    Args:
        amount_mwh: Energy in mWh, 0 to 2**64 - 1.
        price_micro_grx_per_kwh: Price in µGRX per kWh, 0 to 2**64 - 1.

    Raises:
        UnitError: An argument or the result does not fit an unsigned 64-bit integer.
    """
    _require_u64("the amount", amount_mwh)
    _require_u64("the price", price_micro_grx_per_kwh)
    total = -(-amount_mwh * price_micro_grx_per_kwh // MWH_PER_KWH)
    _require_u64("amount times price", total)
    return MicroGrx(total)


def parse_kwh(value: str | int | Decimal) -> MilliwattHours:
    """Energy from decimal kWh, such as ``"10.0"``, to mWh.

    Raises:
        UnitError: Not a plain non-negative decimal with at most six fraction digits.
    """
    return MilliwattHours(_parse_millionths(value, "kWh"))


def parse_grx(value: str | int | Decimal) -> MicroGrx:
    """Money from decimal GRX (or a price from GRX per kWh) to µGRX.

    Raises:
        UnitError: Not a plain non-negative decimal with at most six fraction digits.
    """
    return MicroGrx(_parse_millionths(value, "GRX"))


def format_kwh(amount_mwh: int) -> Decimal:
    """Exact kWh with at least one fraction digit: 10,000,000 mWh is ``Decimal("10.0")``."""
    return _format_millionths(amount_mwh)


def format_grx(amount_micro_grx: int) -> Decimal:
    """Exact GRX with at least one fraction digit: 3,000,000 µGRX is ``Decimal("3.0")``."""
    return _format_millionths(amount_micro_grx)


def _require_u64(name: str, value: int) -> None:
    if not 0 <= value <= U64_MAX:
        raise UnitError(f"{name} is outside 0 to 2**64 - 1")


def _parse_millionths(value: str | int | Decimal, unit: str) -> int:
    if not isinstance(value, str | int | Decimal):
        raise UnitError(f"give {unit} as decimal text, an integer or a Decimal")
    if isinstance(value, int):
        _require_u64(unit, value)  # str() of a huge integer is slow, then an error
    match = _DECIMAL.fullmatch(str(value))
    if match is None:
        raise UnitError(
            f"{unit} is a plain non-negative decimal with at most {_FRACTION_DIGITS} fraction"
            " digits, such as 10.0"
        )
    whole, fraction = match.group(1), match.group(2) or ""
    millionths = int(whole + fraction.ljust(_FRACTION_DIGITS, "0"))
    _require_u64(f"{unit} in millionths", millionths)
    return millionths


def _format_millionths(millionths: int) -> Decimal:
    sign = "-" if millionths < 0 else ""
    whole, fraction = divmod(abs(millionths), 10**_FRACTION_DIGITS)
    digits = f"{fraction:06d}".rstrip("0") or "0"
    return Decimal(f"{sign}{whole}.{digits}")
