"""From a profile file, the edge agent's TOML, to a model."""

import tomllib
from fractions import Fraction
from importlib import resources, util
from pathlib import Path
from typing import Any, Final

from gridtokenx_firmware_sim.errors import ModelError
from gridtokenx_firmware_sim.models import PHASES, Model, blocks_around
from gridtokenx_firmware_sim.models_encode import THOUSANDTHS, Point, Registers, text
from gridtokenx_firmware_sim.models_sunspec import SunSpecMap

_FUNCTIONS: Final = {"holding": 3, "input": 4}
_UNITS: Final = {
    "kWh": Fraction(1), "Wh": Fraction(1, 1_000), "W": Fraction(1), "kW": Fraction(1_000),
    "V": Fraction(1), "A": Fraction(1), "Hz": Fraction(1),
}  # fmt: skip
_FLOAT_COUNTS_PER_KWH: Final = {"kWh": 64, "Wh": 1_000}
"""Steps that a float of that unit holds exactly, and that are whole mWh: 15.625 Wh and 1 Wh."""


def known_models() -> tuple[str, ...]:
    """Names of the profiles that come with the edge agent; none where it is not installed."""
    folder = _shipped_folder()
    return tuple(sorted(path.stem for path in folder.glob("*.toml"))) if folder else ()


def load_model(name: str) -> Model:
    """A model by the name of its shipped profile.

    Raises:
        ModelError: There is no such profile.
        RegisterError: It cannot be simulated.
    """
    folder = _shipped_folder()
    if folder is None:
        raise ModelError("gridtokenx-edge is not installed; give a profile file of your own")
    if name not in known_models():
        raise ModelError(f"model {name!r} is unknown; write one of {', '.join(known_models())}")
    return load_profile_file(folder / f"{name}.toml")


def load_profile_file(path: Path) -> Model:
    """A model from a profile file.

    Raises:
        ModelError: It cannot be read or is not a profile.
        RegisterError: It cannot be simulated.
    """
    try:
        profile = tomllib.loads(path.read_text(encoding="utf-8"))
        return _model(profile, _extras(path.stem))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} is not a profile: {error!r}; try gtx-edge with it") from error


def _shipped_folder() -> Path | None:
    """The profiles are data: found without importing any of the agent's code."""
    spec = util.find_spec("gridtokenx_edge")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "meters" / "profiles"


def _extras(name: str) -> dict[str, Any]:
    """Registers that the agent does not read but the meter has, too."""
    file = resources.files("gridtokenx_firmware_sim") / "extras" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _model(profile: dict[str, Any], extras: dict[str, Any]) -> Model:
    place = _Places(profile)
    points = [
        point for name, table in profile["registers"].items() for point in place.of(name, table)
    ]
    energy = profile["registers"]["produced"]
    (counter,) = (point for point in points if point.shows == "produced")
    counts_per_kwh = _FLOAT_COUNTS_PER_KWH[energy["unit"]]
    if not counter.kind.startswith("float"):
        counts_per_kwh = int((1000 if counter.kind == THOUSANDTHS else 1) / counter.factor)
    if "identity" in profile:
        points.append(place.identity(profile["identity"]))
    points += [_extra_point(table) for table in extras.get("register", ())]
    constants = place.constants() | _extra_texts(extras)
    functions = {
        address + offset: place.function
        for address, data in constants.items()
        for offset in range(len(data) // 2)
    }
    functions |= {
        point.address + offset: point.function for point in points for offset in range(point.words)
    }
    return Model(
        maker=profile["maker"],
        product=profile["model"],
        phases=profile.get("rated", {}).get("phases", len(PHASES)),
        read_limit=profile["largest_block"],
        counts_per_kwh=counts_per_kwh,
        greatest_count=counter.greatest(),
        points=tuple(points),
        constants=constants,
        blocks=blocks_around(functions),
    )


class _Places:
    """Where the registers of one profile are."""

    def __init__(self, profile: dict[str, Any]) -> None:
        self._profile = profile
        self._sunspec = SunSpecMap(profile) if profile["kind"] == "sunspec" else None
        self.function = _FUNCTIONS.get(profile["kind"], _FUNCTIONS["holding"])

    def of(self, name: str, table: dict[str, Any]) -> list[Point]:
        """The points of one quantity: one, or one for each phase."""
        factor = Fraction(table.get("scale", "1")) * _UNITS[table["unit"]]
        if self._sunspec and "scale_number" in table:
            factor *= self._sunspec.power_of_ten(table)
        numbers = table.get("numbers") or [table["number"]]
        names = [name] if len(numbers) == 1 else [f"{name}_l{phase}" for phase in PHASES]
        return [
            Point(
                function=self._function(table),
                address=self._address(number, self._sunspec.meter if self._sunspec else 0),
                words=_words_of(table["type"]),
                kind=table["type"],
                shows=shows,
                factor=factor,
                little_words=self._profile["word_order"] == "little",
            )
            for shows, number in zip(names, numbers, strict=True)
        ]

    def identity(self, table: dict[str, Any]) -> Point:
        """The point of the serial number."""
        kind = table["type"]
        return Point(
            function=self._function(table),
            address=self._address(table["number"], self._sunspec.common if self._sunspec else 0),
            words=table["words"] if kind == "text" else _words_of(kind),
            kind=kind,
            shows="serial",
            little_words=self._profile["word_order"] == "little",
        )

    def constants(self) -> Registers:
        """What surrounds the registers."""
        return self._sunspec.constants() if self._sunspec else {}

    def _function(self, table: dict[str, Any]) -> int:
        return _FUNCTIONS[table["kind"]] if "kind" in table else self.function

    def _address(self, number: int, start: int) -> int:
        return int(start + number - self._profile["first_register_number"])


def _words_of(kind: str) -> int:
    return int("".join(filter(str.isdigit, kind))) // 16


def _extra_point(table: dict[str, Any]) -> Point:
    return Point(
        function=_FUNCTIONS[table["kind"]],
        address=table["address"],
        words=2,
        kind="float32",
        shows=table["shows"],
        factor=_UNITS[table["unit"]],
    )


def _extra_texts(extras: dict[str, Any]) -> Registers:
    return {
        table["address"]: text(table["content"], table["words"]) for table in extras.get("text", ())
    }
