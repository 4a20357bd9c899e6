"""A script of faults from a TOML file."""

import tomllib
from pathlib import Path
from typing import Any, Final

from gridtokenx_firmware_sim.errors import FaultError
from gridtokenx_firmware_sim.faults.fault import KINDS, Fault

_NUMBERS: Final = {
    "unit": (1, 247),
    "at_request": (1, 2**31),
    "requests": (1, 2**31),
    "at_ms": (0, 2**31),
    "for_ms": (1, 2**31),
    "code": (1, 255),
    "delay_ms": (1, 600_000),
    "from_unit": (1, 247),
    "percent": (0, 1_000),
}
_BY_REQUEST: Final = {"at_request", "requests"}
_BY_TIME: Final = {"at_ms", "for_ms"}


def load_faults(path: Path) -> tuple[Fault, ...]:
    """Read ``[[fault]]`` tables; their keys are the attributes of ``Fault``.

    Raises:
        FaultError: Names the file, the fault and what belongs there.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FaultError(f"{path} cannot be read as TOML: {error}") from error
    faults = tables.pop("fault", None)
    if tables or not isinstance(faults, list) or not all(isinstance(f, dict) for f in faults):
        raise FaultError(f"{path} has [[fault]] tables and nothing else")
    return tuple(_fault(values, f"{path}: fault {n}") for n, values in enumerate(faults, 1))


def _fault(values: dict[str, Any], where: str) -> Fault:
    kind = values.get("kind")
    if kind not in KINDS:
        raise FaultError(f"{where}: kind is one of {', '.join(KINDS)}")
    for key, value in values.items():
        if key == "kind":
            continue
        if key not in _NUMBERS:
            raise FaultError(f"{where}: no key {key!r}; there are {', '.join(_NUMBERS)}")
        low, high = _NUMBERS[key]
        if type(value) is not int or not low <= value <= high:
            raise FaultError(f"{where}: {key} is a whole number from {low} to {high}")
    if values.keys() & _BY_REQUEST and values.keys() & _BY_TIME:
        raise FaultError(f"{where}: say when by requests or by time, not by both")
    if "for_ms" in values and "at_ms" not in values:
        raise FaultError(f"{where}: for_ms needs at_ms")
    return Fault(**values)
