"""What is known about one model of meter."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gridtokenx_protocol.registers import DecodingRule, NotAvailable, RegisterType


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


@dataclass(frozen=True, slots=True)
class Register:
    """One quantity in a meter.

    Attributes:
        function: Modbus function that reads it: 3 holding, 4 input registers.
        addresses: On the wire, from 0. Several are the phases: their mean is the value.
        type: How its words make a number.
        scale: Exact factor from that number to our integer unit (mWh, mW, mV, mA, mHz), with
            the sign that makes export positive.
        scale_address: Where the meter keeps a power of ten (INT16) to multiply with, if it does.
        optional: Whether a meter without this value is good enough; it then reads as zero.
    """

    function: int
    addresses: tuple[int, ...]
    type: RegisterType
    scale: Fraction
    scale_address: int | None = None
    optional: bool = False

    @property
    def parts(self) -> tuple[tuple[int, int], ...]:
        """Address and number of words of all that has to be read, in the order of decoding."""
        values = tuple((address, self.type.words) for address in self.addresses)
        return values if self.scale_address is None else (*values, (self.scale_address, 1))


@dataclass(frozen=True, slots=True)
class Identity:
    """Where a meter keeps its serial number.

    Attributes:
        function: Modbus function that reads it.
        address: On the wire, from 0.
        words: Number of registers.
        type: How its words make a number; None for text.
    """

    function: int
    address: int
    words: int
    type: RegisterType | None


@dataclass(frozen=True, slots=True)
class Rated:
    """What the data sheet allows.

    Attributes:
        current_a: Highest current of a phase.
        voltage_v: Nominal, line to neutral.
        phases: Number of phases.
        transformer: Whether current transformers are needed: ``current_a`` is behind them.
    """

    current_a: int
    voltage_v: int
    phases: int
    transformer: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Where a profile's numbers come from.

    Attributes:
        document: The maker's document.
        revision: Of that document.
        pages: In that document.
        seen: Whether that document was at hand, or what was instead.
    """

    document: str
    revision: str
    pages: str
    seen: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One model of meter.

    Attributes:
        name: Also signed beside the raw registers.
        maker: Who makes it.
        model: What it is called.
        source: The maker's document.
        little_words: Whether the least significant word comes first (bytes in a word are
            always most significant first).
        not_available: What an integer shows when there is no value.
        largest_block: Most registers that it answers in one request.
        largest_gap: How many registers without meaning may be read to join two requests.
        pause_ms: How long it needs between two requests.
        counter_step_mwh: Largest step that its energy counters make at once.
        registers: All six quantities.
        identity: Its serial number, if it tells.
        rated: From its data sheet, if there is one.
        digest: SHA-256 of its file, also signed.
        models: SunSpec models, one of which holds the registers; their addresses then count
            from its start, until ``locate`` has found it. Empty when addresses are fixed.
    """

    name: str
    maker: str
    model: str
    source: Source
    little_words: bool
    not_available: NotAvailable
    largest_block: int
    largest_gap: int
    pause_ms: int
    counter_step_mwh: int
    registers: dict[Quantity, Register]
    digest: bytes
    identity: Identity | None = None
    rated: Rated | None = None
    models: tuple[int, ...] = ()

    def decoding(self, quantity: Quantity) -> DecodingRule:
        """How the bytes of one quantity become our integer."""
        register = self.registers[quantity]
        return DecodingRule(
            type=register.type,
            little_words=self.little_words,
            not_available=self.not_available,
            phases=len(register.addresses),
            numerator=register.scale.numerator,
            denominator=register.scale.denominator,
            scale_follows=register.scale_address is not None,
            rounds_down=quantity in CUMULATIVE,
            optional=register.optional,
        )
