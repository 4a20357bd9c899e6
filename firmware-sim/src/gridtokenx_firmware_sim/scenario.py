"""Days to play: two that come with the simulator, and the user's own CSV files."""

import csv
import io
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import Final

from gridtokenx_firmware_sim.day import DAY_MS, Day, Flow, SlottedDay, SteadyDay
from gridtokenx_firmware_sim.errors import ScenarioError

HOUSES: Final = ("a", "b")
SCENARIOS: Final = ("seed", "bangkok")
NOISE_PERCENT: Final = {"seed": 0.0, "bangkok": 2.0}
"""Standard deviation of power in each, unless the user says another."""

_SEED: Final = {"a": SteadyDay(produced_kwh=20, consumed_kwh=8), "b": SteadyDay(0, 10)}
_COLUMNS: Final = ["time", "produced_w", "consumed_w"]
_GREATEST_W: Final = 1_000_000
_MINUTE_MS: Final = 60_000


def load_scenario(name: str, house: str) -> Day:
    """A day that comes with the simulator.

    Raises:
        ScenarioError: No such scenario or house.
    """
    if name not in SCENARIOS or house not in HOUSES:
        raise ScenarioError(
            f"no house {house!r} in scenario {name!r}; scenarios: {', '.join(SCENARIOS)},"
            f" houses: {', '.join(HOUSES)}"
        )
    if name == "seed":
        return _SEED[house]
    file = resources.files("gridtokenx_firmware_sim") / "scenarios" / name / f"{house}.csv"
    return parse_csv(file.read_text(encoding="utf-8"))


def load_csv(path: Path) -> Day:
    """A day from the user's own file; see ``parse_csv``.

    Raises:
        ScenarioError: The file cannot be read or is not well formed.
    """
    try:
        return parse_csv(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path} cannot be read as UTF-8 text: {error}") from error
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error


def parse_csv(text: str) -> SlottedDay:
    """A day from CSV with the columns ``time,produced_w,consumed_w``.

    One row for each slot of equal length from 00:00 to the end of the day, such as 24 hours or
    96 quarter-hours: when it starts (HH:MM), and the mean power in W (at most three fraction
    digits) that the export and the import register count in it.

    Raises:
        ScenarioError: Says which line is wrong and what belongs there.
    """
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if not rows or rows[0] != _COLUMNS:
        raise ScenarioError(f"the first line is {','.join(_COLUMNS)}")
    slots = rows[1:]
    if not slots or DAY_MS % (len(slots) * _MINUTE_MS):
        raise ScenarioError(
            f"{len(slots)} rows do not divide a day into slots of whole minutes; give 24, 48, 96,"
            " 288 or 1440"
        )
    slot_minutes = DAY_MS // _MINUTE_MS // len(slots)
    return SlottedDay([_slot(row, line, line * slot_minutes) for line, row in enumerate(slots)])


def _slot(row: list[str], index: int, start_minute: int) -> Flow:
    where = f"row {index + 1} after the header"
    if len(row) != len(_COLUMNS):
        raise ScenarioError(f"{where} has {len(row)} values, not {len(_COLUMNS)}")
    start = f"{start_minute // 60:02d}:{start_minute % 60:02d}"
    if row[0].strip() != start:
        raise ScenarioError(f"{where} starts at {row[0]!r}; expected {start}")
    return Flow(_milliwatts(row[1], where), _milliwatts(row[2], where))


def _milliwatts(text: str, where: str) -> int:
    try:
        watts = Decimal(text.strip())
    except InvalidOperation:
        raise ScenarioError(f"{where}: {text!r} is not a number of watts") from None
    if not watts.is_finite() or not 0 <= watts <= _GREATEST_W:
        raise ScenarioError(f"{where}: {text!r} is not between 0 and {_GREATEST_W} W")
    milliwatts = watts * 1_000
    if milliwatts != milliwatts.to_integral_value():
        raise ScenarioError(f"{where}: {text!r} has more than three fraction digits")
    return int(milliwatts)
