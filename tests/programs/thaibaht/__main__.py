"""`./run soak contracts`: takes each defence out of the EVM contracts; a test must notice."""

import sys
import tempfile
import time
from pathlib import Path

from tests.programs.thaibaht import mutants

from workbench import contracts
from workbench.console import say


def noticed(mutant: mutants.Mutant, folder: Path) -> bool:
    """Tell whether its test fails in `folder`, a copy of the project, without the defence."""
    source = folder / "contracts" / mutant.file
    whole = source.read_text()
    source.write_text(mutant.mutate(whole))
    try:
        ran, failed = mutants.failed_tests(folder, mutant.test)
    finally:
        source.write_text(whole)
    return failed == ran == {mutant.test}


def main() -> int:
    """Returns the exit status."""
    contracts.prepare()
    table = mutants.read_all()
    unnoticed = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = contracts.copy_project(Path(name) / "project")
        for mutant in table:
            seen = noticed(mutant, folder)
            unnoticed += not seen
            say(f"{'ok    ' if seen else 'FAILED'} {mutant.attack} ({mutant.test})")
    minutes = (time.monotonic() - started) / 60
    say(f"{len(table) - unnoticed} of {len(table)} defences noticed ({minutes:.1f} min)")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
