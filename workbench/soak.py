"""`./run soak [TIMES]`: kill loops and property tests, TIMES as long as in the checks.

Then the programs without each of their defences in turn (`./run soak defences` runs these alone),
and the EVM contracts likewise (`./run soak contracts`).
"""

import os
import subprocess
import sys

from workbench.console import say
from workbench.environment import PYTHON, ROOT

DEFAULT_TIMES = "50"
LOOPS = ("-m", "pytest", "-m", "soak or hypothesis", "-o", "timeout=0")
DEFENCES = ("-m", "tests.programs.defences")
CONTRACTS = ("-m", "tests.programs.thaibaht")


def _run(*arguments: str) -> int:
    command = [str(PYTHON), *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own modules


def main(arguments: list[str]) -> int:
    """Loops go by our mark, property tests by that of Hypothesis; returns the exit status."""
    if arguments and arguments[0] == "defences":
        return _run(*DEFENCES, *arguments[1:])
    if arguments == ["contracts"]:
        return _run(*CONTRACTS)
    times = arguments[0] if arguments else DEFAULT_TIMES
    if not times.isdecimal() or int(times) < 1:
        say("./run soak [TIMES], where TIMES is a whole number from 1, defences or contracts")
        return 2
    os.environ["GTX_SOAK_TIMES"] = times
    failures = [_run(*LOOPS), _run(*DEFENCES), _run(*CONTRACTS)]
    return max(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
