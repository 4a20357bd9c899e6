"""From raw registers to integers in our units, exactly."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.meters.profile import CUMULATIVE, Profile, Quantity, Register, RegisterType

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
_RANGES: Final = {
    # a record would hold 2**64 - 1 mWh, SQLite holds 2**63 - 1: nine million GWh are enough
    Quantity.PRODUCED: (0, 2**63 - 1),
    Quantity.CONSUMED: (0, 2**63 - 1),
    Quantity.ACTIVE_POWER: (-(2**63), 2**63 - 1),
    Quantity.VOLTAGE: (0, 2**32 - 1),
    Quantity.CURRENT: (-(2**31), 2**31 - 1),
    Quantity.FREQUENCY: (0, 2**32 - 1),
}


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a meter showed at one moment.

    Attributes:
        produced_mwh: Export counter.
        consumed_mwh: Import counter.
        active_power_mw: Signed, export positive.
        voltage_mv: Average of the phases, line to neutral.
        current_ma: Average of the phases.
        frequency_mhz: Of the grid.
        registers: The bytes that each quantity was decoded from, as they were on the wire.
    """

    produced_mwh: int
    consumed_mwh: int
    active_power_mw: int
    voltage_mv: int
    current_ma: int
    frequency_mhz: int
    registers: Mapping[str, bytes]


def decode(profile: Profile, registers: Mapping[Quantity, bytes]) -> MeterReading:
    """Decode all quantities of a profile.

    A float is taken as the exact fraction that it is. Counters are rounded down, so that no
    more is signed than the meter shows; the rest to the nearest integer, ties to even.

    Args:
        profile: Types and scales.
        registers: For each quantity its bytes, two a register, in wire order.

    Raises:
        ReadingRefused: A value is not a number, infinite or outside its field.
    """
    values = {
        quantity: _decode_one(quantity, profile.registers[quantity], raw, profile.little_words)
        for quantity, raw in registers.items()
    }
    return MeterReading(
        produced_mwh=values[Quantity.PRODUCED],
        consumed_mwh=values[Quantity.CONSUMED],
        active_power_mw=values[Quantity.ACTIVE_POWER],
        voltage_mv=values[Quantity.VOLTAGE],
        current_ma=values[Quantity.CURRENT],
        frequency_mhz=values[Quantity.FREQUENCY],
        registers={str(quantity): raw for quantity, raw in registers.items()},
    )


def _decode_one(quantity: Quantity, register: Register, raw: bytes, little_words: bool) -> int:
    if little_words:
        raw = b"".join(raw[start : start + 2] for start in range(len(raw) - 2, -1, -2))
    (number,) = struct.unpack(_FORMATS[register.type], raw)
    if not math.isfinite(number):
        raise ReadingRefused("not_a_number", f"{quantity} reads {number}; check wiring and model")
    exact = Fraction(number) * register.scale
    value = math.floor(exact) if quantity in CUMULATIVE else round(exact)
    low, high = _RANGES[quantity]
    if not low <= value <= high:
        raise ReadingRefused(
            "out_of_range", f"{quantity} reads {number}; check the profile's type and word order"
        )
    return value
