"""What is known about one model of meter."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Quantity(StrEnum):
    """What a register measures; every profile has all six."""

    PRODUCED = "produced"
    CONSUMED = "consumed"
    ACTIVE_POWER = "active_power"
    VOLTAGE = "voltage"
    CURRENT = "current"
    FREQUENCY = "frequency"


CUMULATIVE = frozenset({Quantity.PRODUCED, Quantity.CONSUMED})
"""Counters that only rise; the others are of the moment."""


class RegisterType(StrEnum):
    """How 16-bit registers make a number; floats are IEEE 754."""

    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def words(self) -> int:
        """Number of 16-bit registers."""
        return int("".join(filter(str.isdigit, self.value))) // 16


@dataclass(frozen=True, slots=True)
class Register:
    """One number in a meter.

    Attributes:
        address: On the wire, from 0.
        type: How its words make a number.
        scale: Exact factor from that number to our integer unit (mWh, mW, mV, mA, mHz), with
            the sign that makes export positive.
    """

    address: int
    type: RegisterType
    scale: Fraction


@dataclass(frozen=True, slots=True)
class Source:
    """Where a profile's numbers come from: the maker's document, its revision and pages."""

    document: str
    revision: str
    pages: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One model of meter.

    Attributes:
        name: Also signed beside the raw registers.
        maker: Who makes it.
        model: What it is called.
        source: The maker's document.
        function: Modbus function that reads it: 3 holding, 4 input registers.
        little_words: Whether the least significant word comes first (bytes in a word are
            always most significant first).
        largest_block: Most registers that it answers in one request.
        largest_gap: How many registers without meaning may be read to join two requests.
        pause_ms: How long it needs between two requests.
        counter_step_mwh: Largest step that its energy counters make at once.
        registers: All six quantities.
    """

    name: str
    maker: str
    model: str
    source: Source
    function: int
    little_words: bool
    largest_block: int
    largest_gap: int
    pause_ms: int
    counter_step_mwh: int
    registers: dict[Quantity, Register]
