"""The non-volatile memory of the meter: a small JSON file, replaced as a whole."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from gridtokenx_firmware_sim.errors import StateError


@dataclass(frozen=True, slots=True)
class State:
    """How far the day is, and what the registers show.

    Attributes:
        begun: Whether the day has begun.
        ended: Whether all of it has been played.
        elapsed_ms: Simulated time since then, in ms.
        exported_counts: Export register, in counts of the model.
        imported_counts: Import register, in counts of the model.
    """

    begun: bool
    ended: bool
    elapsed_ms: int
    exported_counts: int
    imported_counts: int


class StateFile:
    """Keeps the state at ``path``; a crash leaves the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = path.with_name(path.name + ".next")

    def load(self) -> State | None:
        """The state, or None when there is no file yet.

        Raises:
            StateError: The file cannot be read or is not a state.
        """
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StateError(f"{self._path} cannot be read: {error}; remove it") from error
        names = {field.name for field in fields(State)}
        if not isinstance(values, dict) or values.keys() != names:
            raise StateError(f"{self._path} is not the state of a meter; name another file")
        flags = {name: values.pop(name) for name in ("begun", "ended")}
        if any(type(flag) is not bool for flag in flags.values()) or any(
            type(number) is not int or number < 0 for number in values.values()
        ):
            raise StateError(f"{self._path} is damaged; remove it")
        return State(**flags, **values)

    def save(self, state: State) -> None:
        """Replace the state.

        Raises:
            StateError: The file cannot be written.
        """
        try:
            self._next.write_text(json.dumps(asdict(state)), encoding="utf-8")
            self._next.replace(self._path)
        except OSError as error:
            raise StateError(f"{self._path} cannot be written: {error}") from error
