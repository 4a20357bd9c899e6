"""Fixtures of the programs' tests."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridtokenx_programs import Program

# pytest's importlib mode leaves sys.path alone; tests here share one module beside them.
sys.path.insert(0, str(Path(__file__).parent))

from harness import World

# Where the mutation run (`defences/`) puts a program that it built without one of its defences.
MUTATED = Path(os.environ.get("GTX_ELF_FOLDER") or "/nonexistent")


@pytest.fixture(scope="session", autouse=True)
def _mutated_programs() -> Iterator[None]:
    """A mutated program takes the place of the committed one."""
    committed = Program.elf

    def elf(program: Program) -> bytes:
        mutated = MUTATED / f"{program.idl.name}.so"
        return mutated.read_bytes() if mutated.exists() else committed(program)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Program, "elf", elf)
        yield


@pytest.fixture
def world() -> World:
    """A fresh chain with the three programs."""
    return World()
