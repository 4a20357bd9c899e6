"""Our programs, where they are, and their files for a node's genesis."""

from importlib.resources import files
from pathlib import Path

from gridtokenx_programs import PROGRAM_NAMES, Addresses, load

PROGRAMS = {name: load(name) for name in PROGRAM_NAMES}
ADDRESSES = Addresses(*(program.id for program in PROGRAMS.values()))
ELF = Path(str(files("gridtokenx_programs") / "elf"))
ELVES = [(program.id, ELF / f"{name}.so") for name, program in PROGRAMS.items()]
