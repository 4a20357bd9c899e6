"""`./run soak [TIMES]`: kill loops and property tests, TIMES as long as in the checks."""

import os
import sys
from typing import NoReturn

from workbench.console import say
from workbench.environment import PYTHON

DEFAULT_TIMES = "50"


def main() -> NoReturn:
    """Hand over to pytest: loops by our mark, property tests by that of Hypothesis."""
    times = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_TIMES
    if not times.isdecimal() or int(times) < 1:
        say("./run soak [TIMES], where TIMES is a whole number from 1")
        sys.exit(2)
    os.environ["GTX_SOAK_TIMES"] = times
    command = [str(PYTHON), "-m", "pytest", "-m", "soak or hypothesis"]
    os.execv(command[0], command)  # noqa: S606 - our own interpreter, no shell


if __name__ == "__main__":
    main()
