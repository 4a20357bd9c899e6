"""What each instruction costs: runs the cases of `compute_cases.py` and writes the table.

`python tests/programs/compute_units.py` writes `programs/compute-units.md`; a test compares that
file with a fresh run. Every key and meter id is fixed, so that the bumps of the addresses, and
with them the costs, are the same in each run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bridge import Bridge
from exchange import Exchange, Party
from grid import KWH, Grid, Site
from harness import Device
from meters import Stewards
from solders.keypair import Keypair
from worlds import SOL, MemoryWorld, Outcome

from gridtokenx_programs import PROGRAM_NAMES, load

TABLE = Path(__file__).parents[2] / "programs" / "compute-units.md"


class FixedWorld(MemoryWorld):
    """A world in which wallets are the same in each run."""

    _wallets = 0

    def wallet(self, lamports: int = 1000 * SOL) -> Keypair:
        """The next wallet of a fixed row."""
        self._wallets += 1
        key = Keypair.from_seed(hashlib.sha256(f"wallet {self._wallets}".encode()).digest())
        self.fund(key.pubkey(), lamports)
        return key


class Scene:
    """A deployment in which a case can be measured: made as far as the case looks at it."""

    def __init__(self) -> None:
        self.world = FixedWorld()
        self.empty = Grid(self.world)

    @cached_property
    def grid(self) -> Grid:
        """A deployment with registry, registrar and mints."""
        self.empty.start_registry()
        self.empty.start_tokens()
        return self.empty

    @cached_property
    def stewards(self) -> Stewards:
        """Those who look after its meters."""
        return Stewards(self.grid)

    @cached_property
    def exchange(self) -> Exchange:
        """Its market; this also makes registry and mints."""
        exchange = Exchange(self.empty)
        exchange.open()
        return exchange

    @cached_property
    def bridge(self) -> Bridge:
        """The market's baht side."""
        bridge = Bridge(self.exchange)
        bridge.open()
        return bridge

    def meter_id(self, number: int = 1) -> bytes:
        """A fixed meter id."""
        return hashlib.sha256(f"meter {number}".encode()).digest()[:16]

    def site(self, number: int = 1, device: Device | None = None) -> Site:
        """A household with a meter of a fixed id."""
        return self.grid.site(device, meter_id=self.meter_id(number))

    def party(self) -> Party:
        """Somebody with plenty of both tokens."""
        return self.exchange.party(energy=100 * KWH, grx=1_000 * KWH)


@dataclass(frozen=True)
class Case:
    """One instruction in one situation; `run` sends it alone, but for the proofs it needs."""

    program: str
    instruction: str
    situation: str
    run: Callable[[Scene], Outcome]

    def row(self) -> str:
        """The case measured, as a line of the table."""
        units = self.run(Scene()).compute_units
        return f"| {self.program} | {self.instruction} | {self.situation} | {units:,} |"


HEAD = """# Compute units

In LiteSVM with p-token, events included. An address costs about 350 more for each bump below 255
that has to be tried: these are the costs with the addresses of this run. Written by
`tests/programs/compute_units.py`.

| program | instruction | case | compute units |
| --- | --- | --- | --- |
"""
SIZES = """
| program | bytes |
| --- | --- |
"""


def table(cases: list[Case]) -> str:
    """The whole file, measured afresh."""
    rows = [case.row() for case in cases]
    sizes = [f"| {name} | {len(load(name).elf()):,} |" for name in PROGRAM_NAMES]
    return HEAD + "\n".join(rows) + "\n" + SIZES + "\n".join(sizes) + "\n"


if __name__ == "__main__":
    from compute_cases import CASES

    TABLE.write_text(table(CASES), "utf-8")
