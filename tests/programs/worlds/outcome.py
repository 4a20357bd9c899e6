"""What became of a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gridtokenx_programs import Event


@dataclass(frozen=True)
class Executed:
    """What a transaction that succeeded did, and the chain's time when it did, Unix seconds."""

    events: list[Event]
    compute_units: int
    logs: list[str]
    time: int


class Outcome:
    """A transaction that succeeded; a remote chain is asked what it did when a test looks."""

    def __init__(self, look: Callable[[], Executed]) -> None:
        self._look = look

    @cached_property
    def _executed(self) -> Executed:
        return self._look()

    @property
    def events(self) -> list[Event]:
        """Our programs' events, from inner instructions."""
        return self._executed.events

    @property
    def compute_units(self) -> int:
        return self._executed.compute_units

    @property
    def logs(self) -> list[str]:
        return self._executed.logs

    @property
    def time(self) -> int:
        """The clock that it saw, Unix seconds."""
        return self._executed.time


@dataclass(frozen=True)
class Refusal:
    """Why a transaction failed: the instruction at fault (None: none of them), a name or a
    program's own code, and the logs."""

    instruction: int | None
    error: str | int
    logs: list[str]


def refusal_of(error: Any, logs: list[str]) -> Refusal:
    """Read a transaction's `err` in JSON-RPC: a name, or an object with one key that names it."""
    match error:
        case {"InstructionError": [int(index), {"Custom": int(code)}]}:
            return Refusal(index, code, logs)
        case {"InstructionError": [int(index), reason]}:
            return Refusal(index, _name(reason), logs)
    return Refusal(None, _name(error), logs)


def _name(error: Any) -> str:
    return error if isinstance(error, str) else str(next(iter(error)))
