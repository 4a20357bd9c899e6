"""A rate as somebody writes it, exactly: decimal THB per GRX to whole µTHB per GRX."""

import re
from decimal import ROUND_DOWN, Decimal

from gridtokenx_hub.oracle.errors import SourceError

MICRO = 1_000_000
MAX_MICRO_THB_PER_GRX = 1_000_000 * MICRO
"""What is above is a mistake: the trading program's own limit (`InvalidRate`)."""

_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_STEP = Decimal("0.000001")
_MAXIMUM = Decimal(MAX_MICRO_THB_PER_GRX // MICRO)


def micro_thb(value: object) -> int:
    """Return a rate in µTHB per GRX; what is finer than that is cut off.

    Args:
        value: an `int`, a `Decimal`, or plain decimal text such as `10.25`: many who tell prices
            write them as text, so that no float comes near them. No `float` is taken.

    Raises:
        SourceError: `not_a_number`, `not_positive` or `absurd`.
    """
    match value:
        case bool():
            raise SourceError("not_a_number", "a truth value, not a rate")
        case str() if _PLAIN.fullmatch(value):
            rate = Decimal(value)
        case int() | Decimal():
            rate = Decimal(value)
        case _:
            raise SourceError("not_a_number", f"{type(value).__name__}, not a rate")
    if not rate.is_finite():
        raise SourceError("not_a_number", "neither a finite number nor a rate")
    if rate <= 0:
        raise SourceError("not_positive", "a rate is more than zero")
    if not _STEP <= rate <= _MAXIMUM:
        raise SourceError("absurd", f"a rate is {_STEP} to {_MAXIMUM} THB per GRX")
    # Exact for any number of digits: the result has 13 at most, and rounds in one step.
    return int(rate.quantize(_STEP, rounding=ROUND_DOWN).scaleb(6))
