"""From a meter's raw registers to an integer in our units, by a rule that is signed beside them.

The device decodes by it, and whoever doubts a reading decodes the raw registers again.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from gridtokenx_protocol.errors import Malformed


class RegisterType(StrEnum):
    """How 16-bit registers make a number; floats are IEEE 754.

    ``thousandths64`` is an INT32 of whole units, and behind it one of their thousandths, 0 to 999.
    """

    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    THOUSANDTHS64 = "thousandths64"

    @property
    def words(self) -> int:
        """Number of 16-bit registers."""
        return int("".join(filter(str.isdigit, self.value))) // 16


class NotAvailable(StrEnum):
    """Which signed integer a maker shows for a value that is not there.

    For an unsigned integer both mean that all bits are set. A float that is not a number is
    never a value.
    """

    NONE = "none"
    HIGHEST = "highest"
    LOWEST = "lowest"


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
_THOUSAND: Final = 1_000
_LARGEST_EXPONENT: Final = 10
"""SunSpec Information Model Specification: sunssf is -10 to 10."""


@dataclass(frozen=True, slots=True)
class DecodingRule:
    """How the bytes of one quantity make an integer.

    Attributes:
        type: How the words of each number make it.
        little_words: Whether the least significant word comes first (bytes in a word are
            always most significant first).
        not_available: What an integer shows when there is no value.
        phases: Numbers in a row, whose mean is the value; those not available are left out.
        numerator: Of the exact factor from that mean to our unit, with the sign that makes
            export positive.
        denominator: Of that factor, above zero.
        scale_follows: Whether an INT16 behind the numbers is a power of ten to multiply with.
        rounds_down: A counter, of which no more is signed than the meter shows; others go to the
            nearest integer, ties to even.
        optional: Whether it reads as zero when it is not available.
    """

    type: RegisterType
    little_words: bool
    not_available: NotAvailable
    phases: int
    numerator: int
    denominator: int
    scale_follows: bool
    rounds_down: bool
    optional: bool

    def signed_form(self) -> list[object]:
        """The fields in their order, for the extras of a reading."""
        return [str(each) if isinstance(each, StrEnum) else each for each in astuple(self)]

    @classmethod
    def from_signed_form(cls, fields: object) -> "DecodingRule":
        """Read what ``signed_form`` made.

        Raises:
            Malformed: Anything else.
        """
        try:
            match fields:
                case [
                    str(kind),
                    bool(little_words),
                    str(mark),
                    int(phases),
                    int(numerator),
                    int(denominator),
                    bool(scale_follows),
                    bool(rounds_down),
                    bool(optional),
                ] if phases > 0 and denominator > 0:
                    return cls(
                        RegisterType(kind),
                        little_words,
                        NotAvailable(mark),
                        phases,
                        numerator,
                        denominator,
                        scale_follows,
                        rounds_down,
                        optional,
                    )
        except ValueError as error:
            raise Malformed(f"a decoding rule names what is unknown here: {error}") from None
        raise Malformed("a decoding rule has nine fields, in one order")


def decode_registers(rule: DecodingRule, raw: bytes) -> int | None:
    """The integer that some registers show.

    Args:
        rule: How they are read.
        raw: The numbers, then the power of ten if there is one; in wire order.

    Returns:
        In our unit (mWh, mW, mV, mA or mHz); None when it is not available and not optional.

    Raises:
        Malformed: Another number of bytes, a power of ten beyond what SunSpec allows, or
            thousandths that make more than one.
    """
    size = 2 * rule.type.words
    end = size * rule.phases
    if len(raw) != end + 2 * rule.scale_follows:
        raise Malformed(f"{len(raw)} bytes of registers do not fit their decoding rule")
    numbers = [
        number
        for start in range(0, end, size)
        if (number := _number(rule, raw[start : start + size])) is not None
    ]
    factor = _power_of_ten(raw[end:]) if rule.scale_follows else Fraction(1)
    if not numbers or factor is None:
        return 0 if rule.optional else None
    exact = _mean(numbers) * factor * Fraction(rule.numerator, rule.denominator)
    return math.floor(exact) if rule.rounds_down else round(exact)


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

    Raises:
        Malformed: Thousandths that make more than one, or less than none.
    """
    if kind is RegisterType.THOUSANDTHS64:
        whole, thousandths = (
            unpack_number(
                half, RegisterType.INT32, little_words=little_words, not_available=not_available
            )
            for half in (raw[:4], raw[4:])
        )
        return _joined(whole, thousandths)
    if little_words:
        raw = b"".join(raw[start : start + 2] for start in range(len(raw) - 2, -1, -2))
    (number,) = struct.unpack(_FORMATS[kind], raw)
    if isinstance(number, float):
        return Fraction(number) if math.isfinite(number) else None
    return None if number == _missing(kind, not_available) else Fraction(number)


def _number(rule: DecodingRule, raw: bytes) -> Fraction | None:
    return unpack_number(
        raw, rule.type, little_words=rule.little_words, not_available=rule.not_available
    )


def _joined(whole: Fraction | None, thousandths: Fraction | None) -> Fraction | None:
    if whole is None or thousandths is None:
        return None
    if not 0 <= thousandths < _THOUSAND:
        raise Malformed(f"{thousandths} thousandths do not make a number")
    return whole + thousandths / _THOUSAND


def _mean(numbers: Sequence[Fraction]) -> Fraction:
    return sum(numbers, Fraction(0)) / len(numbers)


def _power_of_ten(raw: bytes) -> Fraction | None:
    exponent = unpack_number(
        raw, RegisterType.INT16, little_words=False, not_available=NotAvailable.LOWEST
    )
    if exponent is None:
        return None
    if abs(exponent) > _LARGEST_EXPONENT:
        raise Malformed(f"the scale factor {exponent} is beyond ±{_LARGEST_EXPONENT}")
    return Fraction(10) ** int(exponent)


def _missing(kind: RegisterType, not_available: NotAvailable) -> int | None:
    bits = 16 * kind.words
    if not_available is NotAvailable.NONE:
        return None
    if kind.startswith("uint"):
        return int(2**bits - 1)
    sign_bit = int(2 ** (bits - 1))
    return sign_bit - 1 if not_available is NotAvailable.HIGHEST else -sign_bit
