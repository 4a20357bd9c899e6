"""From raw registers to integers in our units, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.meters.profile import Profile, Quantity
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.registers import RegisterType, decode_registers

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
        voltage_mv: Average of the phases, line to neutral; zero if the model does not measure it.
        current_ma: Average of the phases; zero if the model does not measure it.
        frequency_mhz: Of the grid; zero if the model does not measure it.
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

    Args:
        profile: Types and scales.
        registers: For each quantity its bytes, as ``cut_registers`` returns them.

    Raises:
        ReadingRefused: A value is not available, infinite or outside its field.
    """
    values = {
        quantity: decode_quantity(profile, quantity, raw) for quantity, raw in registers.items()
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


def decode_quantity(profile: Profile, quantity: Quantity, raw: bytes) -> int:
    """Decode one quantity to our integer unit.

    Counters are rounded down, so that no more is signed than the meter shows; the rest to the
    nearest integer, ties to even. Of several phases, those that are not available are left out.

    Args:
        profile: Types and scales.
        quantity: Which one.
        raw: Its bytes, as ``cut_registers`` returns them.

    Raises:
        ReadingRefused: Not available, infinite or outside its field.
    """
    rule = profile.decoding(quantity)
    try:
        value = decode_registers(rule, raw)
    except Malformed as error:
        raise ReadingRefused("bad_scale", f"{quantity}: {error}") from error
    if value is None:
        raise _unavailable(quantity, rule.type)
    low, high = _RANGES[quantity]
    if not low <= value <= high:
        raise ReadingRefused(
            "out_of_range", f"{quantity} reads {value}; check the profile's type and word order"
        )
    return value


def _unavailable(quantity: Quantity, kind: RegisterType) -> ReadingRefused:
    if kind.startswith("float"):
        return ReadingRefused(
            "not_a_number", f"{quantity} does not read as a number; check wiring and model"
        )
    return ReadingRefused("not_available", f"{quantity} is not available; check wiring and model")
