"""The wall clock of one process is set as one pleases, by libfaketime; its monotonic clock goes on.

A time namespace shifts the monotonic clock alone, and the wall clock of the machine is not ours.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from workbench.environment import find_faketime


@dataclass(frozen=True)
class WallClock:
    """How far a process's wall clock is ahead of this machine's."""

    file: Path

    def set(self, ahead_s: int) -> None:
        """From now on it is so far ahead, or behind; the process sees it at its next look."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{ahead_s:+d}\n")
        fresh.rename(self.file)

    @property
    def under(self) -> tuple[str, ...]:
        """The words that start a program with this clock."""
        library = find_faketime()
        if library is None:
            pytest.fail("libfaketime is not installed: apt-get install libfaketime, or use ./run")
        return (
            "env",
            f"LD_PRELOAD={library}",
            f"FAKETIME_TIMESTAMP_FILE={self.file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        )
