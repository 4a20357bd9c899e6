"""The table of the contracts' defences, and what takes one out and runs its test."""

import json
import os
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from workbench import contracts

TABLE = Path(__file__).with_name("mutants.toml")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A defence, taken out by a change of its sources.

    Args:
        attack: what could be done without it.
        file: the contract's source.
        find: what stands there, once.
        replace: what takes its place.
        test: name of the test that must fail then.
    """

    attack: str
    file: str
    find: str
    replace: str
    test: str

    def mutate(self, source: str) -> str:
        """Return the source without the defence.

        Raises:
            ValueError: what is to be changed is not there, or more than once.
        """
        count = source.count(self.find)
        if count != 1:
            raise ValueError(f"{self.file} has {count} times, not once: {self.find}")
        return source.replace(self.find, self.replace)


def read_all() -> list[Mutant]:
    """All mutants, in the order of the table."""
    return [Mutant(**entry) for entry in tomllib.loads(TABLE.read_text())["mutant"]]


def failed_tests(folder: Path, test: str) -> tuple[set[str], set[str]]:
    """Run one test in a project; return the names of those that ran and of those that failed.

    Raises:
        AssertionError: the project does not compile.
    """
    command = [
        str(contracts.tool("forge", folder)),
        "test",
        "--json",
        "--match-test",
        f"^{test}\\b",
    ]
    # Not optimised: the compiler takes a third of the time. What a defence used may be unused now.
    environment = os.environ | {"FOUNDRY_OPTIMIZER": "false", "FOUNDRY_DENY": "never"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    results = {
        name.partition("(")[0]: result["status"]
        for suite in json.loads(done.stdout.splitlines()[0]).values()
        for name, result in suite["test_results"].items()
    }
    return set(results), {name for name, status in results.items() if status == "Failure"}
