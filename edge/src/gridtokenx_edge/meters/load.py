"""From a profile's TOML to ``Profile``."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.meters.profile import (
    CUMULATIVE,
    Identity,
    Profile,
    Quantity,
    Rated,
    Register,
    Source,
)
from gridtokenx_edge.toml_table import TomlTable
from gridtokenx_protocol.registers import NotAvailable, RegisterType

_UNITS: Final[dict[Quantity, dict[str, int]]] = {
    Quantity.PRODUCED: {"Wh": 1_000, "kWh": 1_000_000},
    Quantity.CONSUMED: {"Wh": 1_000, "kWh": 1_000_000},
    Quantity.ACTIVE_POWER: {"W": 1_000, "kW": 1_000_000},
    Quantity.VOLTAGE: {"V": 1_000},
    Quantity.CURRENT: {"A": 1_000},
    Quantity.FREQUENCY: {"Hz": 1_000},
}
_OF_PHASES: Final = {Quantity.VOLTAGE, Quantity.CURRENT}
_FUNCTIONS: Final = {"holding": 3, "input": 4}
_SUNSPEC: Final = "sunspec"
_NUMBERS: Final = tuple(kind for kind in RegisterType if kind is not RegisterType.THOUSANDTHS64)
"""What a serial number may be: nobody counts meters by the thousandth."""
_HIGHEST_ADDRESS: Final = 65_535


def shipped_profiles() -> tuple[str, ...]:
    """Names of the profiles that come with the agent."""
    return tuple(sorted(path.stem for path in _shipped_folder().glob("*.toml")))


def load_profile(name: str, folder: Path) -> Profile:
    """A shipped profile by its name, or one of the operator's own by its path.

    Args:
        name: Name without ``.toml``, or a path that ends in it.
        folder: Where a relative path starts.

    Raises:
        ConfigError: No such profile, or a mistake in it.
    """
    if name.endswith(".toml"):
        return _parse(folder / name)
    if name not in shipped_profiles():
        known = ", ".join(shipped_profiles())
        raise ConfigError(f"profile {name!r} is unknown; write one of {known}, or a .toml path")
    return _parse(_shipped_folder() / f"{name}.toml")


def _shipped_folder() -> Path:
    return Path(__file__).with_name("profiles")


@dataclass(frozen=True, slots=True)
class _Addressing:
    """What a whole profile says about its registers' addresses."""

    function: int
    first_number: int

    def of(self, table: TomlTable) -> int:
        """The Modbus function of one table, which may differ from the profile's."""
        if "kind" not in table:
            return self.function
        return _FUNCTIONS[table.choice("kind", tuple(_FUNCTIONS))]

    def address(self, table: TomlTable, key: str = "number") -> int:
        """A register's number in the maker's manual, as an address on the wire."""
        return table.integer(key, self.first_number, _HIGHEST_ADDRESS) - self.first_number


def _parse(file: Path) -> Profile:
    root = TomlTable.load(file)
    kind = root.choice("kind", (*_FUNCTIONS, _SUNSPEC))
    addressing = _Addressing(
        function=_FUNCTIONS.get(kind, _FUNCTIONS["holding"]),
        first_number=root.integer("first_register_number", 0, 1),
    )
    profile = Profile(
        name=file.stem,
        maker=root.text("maker"),
        model=root.text("model"),
        source=_source(root.table("source")),
        little_words=root.choice("word_order", ("big", "little")) == "little",
        not_available=NotAvailable(
            root.choice("not_available", tuple(NotAvailable), default=NotAvailable.NONE)
        ),
        largest_block=root.integer("largest_block", 4, 125),
        largest_gap=root.integer("largest_gap", 0, 125, default=0),
        pause_ms=root.integer("pause_ms", 0, 1000, default=0),
        counter_step_mwh=1000 * root.integer("counter_step_wh", 1, 1000, default=10),
        registers=_registers(root.table("registers"), addressing),
        digest=hashlib.sha256(file.read_bytes()).digest(),
        identity=_identity(root.table("identity"), addressing) if "identity" in root else None,
        rated=_rated(root.table("rated")) if "rated" in root else None,
        models=root.integers("models", 2, _HIGHEST_ADDRESS - 1) if kind == _SUNSPEC else (),
    )
    root.finish()
    return profile


def _source(table: TomlTable) -> Source:
    source = Source(
        document=table.text("document"),
        revision=table.text("revision"),
        pages=table.text("pages"),
        seen=table.text("seen"),
    )
    table.finish()
    return source


def _identity(table: TomlTable, addressing: _Addressing) -> Identity:
    kind = table.choice("type", (*_NUMBERS, "text"))
    number = None if kind == "text" else RegisterType(kind)
    identity = Identity(
        function=addressing.of(table),
        address=addressing.address(table),
        words=table.integer("words", 1, 125) if number is None else number.words,
        type=number,
    )
    table.finish()
    return identity


def _rated(table: TomlTable) -> Rated:
    rated = Rated(
        current_a=table.integer("current_a", 1, 10_000),
        voltage_v=table.integer("voltage_v", 1, 1_000),
        phases=table.integer("phases", 1, 3),
        transformer=table.flag("transformer", default=False),
    )
    table.finish()
    return rated


def _registers(table: TomlTable, addressing: _Addressing) -> dict[Quantity, Register]:
    registers = {
        quantity: _register(table.table(quantity), quantity, addressing) for quantity in Quantity
    }
    table.finish()
    return registers


def _register(table: TomlTable, quantity: Quantity, addressing: _Addressing) -> Register:
    unit = table.choice("unit", tuple(_UNITS[quantity]))
    scale = table.fraction("scale", default="1") * Fraction(_UNITS[quantity][unit])
    if not scale:
        raise table.error("scale", "write a number other than zero")
    if table.flag("cumulative", default=False) != (quantity in CUMULATIVE):
        raise table.error("cumulative", "write true for produced and consumed, else leave it out")
    optional = table.flag("optional", default=False)
    if optional and quantity in CUMULATIVE:
        raise table.error("optional", "an energy counter is needed; leave it out")
    register = Register(
        function=addressing.of(table),
        addresses=_addresses(table, quantity, addressing),
        type=RegisterType(table.choice("type", tuple(RegisterType))),
        scale=scale,
        scale_address=(
            addressing.address(table, "scale_number") if "scale_number" in table else None
        ),
        optional=optional,
    )
    table.finish()
    return register


def _addresses(table: TomlTable, quantity: Quantity, addressing: _Addressing) -> tuple[int, ...]:
    if quantity in _OF_PHASES and "numbers" in table:
        first = addressing.first_number
        numbers = table.integers("numbers", first, _HIGHEST_ADDRESS)
        return tuple(number - first for number in numbers)
    return (addressing.address(table),)
