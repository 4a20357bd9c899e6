"""What a private cluster asks of this machine."""

import os
import resource
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

VALIDATOR, TEST_VALIDATOR, GENESIS = "agave-validator", "solana-test-validator", "solana-genesis"
OPEN_FILES = 1_000_000  # what agave-validator asks of the system, and ends without
MEMORY_BYTES = 1 << 30  # for each authority


@dataclass(frozen=True, slots=True)
class Machine:
    """What of this machine a cluster depends on; a tool that is not there has no path."""

    open_files: int
    memory_bytes: int
    tools: Mapping[str, str | None]


def look_at_machine() -> Machine:
    """Find the tools, on PATH or in the folder that GTX_SOLANA_BIN names, and the limits."""
    folder = os.environ.get("GTX_SOLANA_BIN")
    tools = (GENESIS, VALIDATOR, TEST_VALIDATOR)
    return Machine(
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        memory_bytes=os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        tools={name: shutil.which(name, path=folder) for name in tools},
    )


def lacking(machine: Machine, authorities: int) -> list[str]:
    """What `machine` lacks for so many authorities, each with what to do about it."""
    found = [
        f"{name} is missing: install Solana's tools (https://docs.anza.xyz/cli/install), or name"
        " their folder in GTX_SOLANA_BIN"
        for name, path in machine.tools.items()
        if path is None and (name != TEST_VALIDATOR or authorities == 1)
    ]
    if authorities > 1 and machine.open_files < OPEN_FILES:
        found.append(
            f"{machine.open_files:,} open files are allowed, and {VALIDATOR} wants {OPEN_FILES:,}:"
            " raise the hard limit (ulimit -Hn, or nofile in /etc/security/limits.conf), or run"
            " one authority"
        )
    if machine.memory_bytes < authorities * MEMORY_BYTES:
        found.append(
            f"{machine.memory_bytes / (1 << 30):.1f} GiB of memory are free, and each authority"
            f" wants {MEMORY_BYTES >> 30}: end other programs, or run fewer authorities"
        )
    return found
