"""The tables of defences: the feature that takes each out, what it stops, the test that sees it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[2]
# Package in Cargo's words, by the name of its table.
CRATES = {
    "registry": "registry",
    "energy_token": "energy-token",
    "trading": "trading",
    "common": "common",
}


@dataclass(frozen=True)
class Defence:
    """One check of the programs that can be compiled out.

    Args:
        crate: the table's name: where the check is written.
        program: the program that is built without it.
        feature: the Cargo feature of the crate that takes it out.
        attack: what could be done without it.
        test: node id of the test that must fail then.
    """

    crate: str
    program: str
    feature: str
    attack: str
    test: str

    @property
    def name(self) -> str:
        """The crate and its feature, as Cargo writes them; no two defences share it."""
        return f"{CRATES[self.crate]}/{self.feature}"


def crate_folder(crate: str) -> Path:
    """Where a crate's sources are."""
    return ROOT / "programs" / CRATES[crate]


def read(crate: str) -> list[Defence]:
    """The defences of one crate; none when it has no table."""
    table = FOLDER / f"{crate}.toml"
    if not table.exists():
        return []
    entries = tomllib.loads(table.read_text()).get("defence", [])
    return [Defence(**({"crate": crate, "program": crate} | entry)) for entry in entries]


def read_all() -> list[Defence]:
    """The defences of all crates."""
    return [defence for crate in CRATES for defence in read(crate)]
