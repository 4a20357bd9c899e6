"""`./run bench NAME [--json]`: the home of all benchmarks; each is a module in `tests/bench/`."""

import os
import sys
from typing import NoReturn

from workbench.console import say
from workbench.environment import PYTHON, ROOT

BENCH_FOLDER = ROOT / "tests" / "bench"


def main() -> NoReturn:
    """Hand over to the benchmark that is named, or list those that there are."""
    names = sorted(path.stem for path in BENCH_FOLDER.glob("[a-z]*.py"))
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        say(f"./run bench NAME [--json], where NAME is one of: {', '.join(names)}")
        sys.exit(2)
    command = [str(PYTHON), str(BENCH_FOLDER / f"{sys.argv[1]}.py"), *sys.argv[2:]]
    # Benchmarks use the tests' helpers.
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    os.execve(command[0], command, environment)  # noqa: S606 - our own interpreter, no shell


if __name__ == "__main__":
    main()
