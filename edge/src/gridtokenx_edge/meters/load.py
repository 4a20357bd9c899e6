"""From a profile's TOML to ``Profile``."""

from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Final

from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.meters.profile import (
    CUMULATIVE,
    Profile,
    Quantity,
    Register,
    RegisterType,
    Source,
)
from gridtokenx_edge.toml_table import TomlTable

_UNITS: Final[dict[Quantity, dict[str, int]]] = {
    Quantity.PRODUCED: {"Wh": 1_000, "kWh": 1_000_000},
    Quantity.CONSUMED: {"Wh": 1_000, "kWh": 1_000_000},
    Quantity.ACTIVE_POWER: {"W": 1_000, "kW": 1_000_000},
    Quantity.VOLTAGE: {"V": 1_000},
    Quantity.CURRENT: {"A": 1_000},
    Quantity.FREQUENCY: {"Hz": 1_000},
}
_FUNCTIONS: Final = {"holding": 3, "input": 4}


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
    return Path(str(resources.files("gridtokenx_edge.meters") / "profiles"))


def _parse(file: Path) -> Profile:
    root = TomlTable.load(file)
    first_number = root.integer("first_register_number", 0, 1)
    profile = Profile(
        name=file.stem,
        maker=root.text("maker"),
        model=root.text("model"),
        source=_source(root.table("source")),
        function=_FUNCTIONS[root.choice("kind", tuple(_FUNCTIONS))],
        little_words=root.choice("word_order", ("big", "little")) == "little",
        largest_block=root.integer("largest_block", 4, 125),
        largest_gap=root.integer("largest_gap", 0, 125, default=0),
        pause_ms=root.integer("pause_ms", 0, 1000, default=0),
        counter_step_mwh=1000 * root.integer("counter_step_wh", 1, 1000, default=10),
        registers=_registers(root.table("registers"), first_number),
    )
    root.finish()
    return profile


def _source(table: TomlTable) -> Source:
    source = Source(
        document=table.text("document"),
        revision=table.text("revision"),
        pages=table.text("pages"),
    )
    table.finish()
    return source


def _registers(table: TomlTable, first_number: int) -> dict[Quantity, Register]:
    registers = {
        quantity: _register(table.table(quantity), quantity, first_number) for quantity in Quantity
    }
    table.finish()
    return registers


def _register(table: TomlTable, quantity: Quantity, first_number: int) -> Register:
    unit = table.choice("unit", tuple(_UNITS[quantity]))
    scale = table.fraction("scale", default="1") * Fraction(_UNITS[quantity][unit])
    if not scale:
        raise table.error("scale", "write a number other than zero")
    if table.flag("cumulative", default=False) != (quantity in CUMULATIVE):
        raise table.error("cumulative", "write true for produced and consumed, else leave it out")
    register = Register(
        address=table.integer("number", first_number, 65535) - first_number,
        type=RegisterType(table.choice("type", tuple(RegisterType))),
        scale=scale,
    )
    table.finish()
    return register
