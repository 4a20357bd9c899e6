"""`./run check`: what must hold beside the tests, each with its own line and minutes."""

import subprocess
import sys
import time
from collections.abc import Sequence

from workbench.console import say
from workbench.environment import PYTHON, ROOT

PYTHON_FOLDERS = (
    "protocol",
    "edge",
    "provisioning",
    "firmware-sim",
    "programs",
    "hub",
    "guardian",
    "demo",
    "workbench",
    "tests",
)
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", ("-m", "ruff", "format", "--check", *PYTHON_FOLDERS)),
    ("lint", ("-m", "ruff", "check", *PYTHON_FOLDERS)),
    ("types", ("-m", "mypy")),
    ("programs", ("-m", "programs.build", "--check")),
    ("contracts", ("-m", "workbench.contracts", "--check")),
)


def run_checks(names: Sequence[str]) -> list[str]:
    """Run the checks with these names, or all; return the names of those that failed."""
    failed = []
    for name, command in CHECKS:
        if names and name not in names:
            continue
        started = time.monotonic()
        result = subprocess.run([str(PYTHON), *command], cwd=ROOT, check=False)  # noqa: S603 - fixed commands
        minutes = (time.monotonic() - started) / 60
        say(f"{'ok    ' if result.returncode == 0 else 'FAILED'} {name} ({minutes:.1f} min)")
        if result.returncode != 0:
            failed.append(name)
    return failed


if __name__ == "__main__":
    sys.exit(1 if run_checks(sys.argv[1:]) else 0)
