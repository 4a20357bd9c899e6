"""The EVM contracts: their own tests, run by forge, and the table of their defences."""

import json
import subprocess

import pytest
from tests.programs.thaibaht import mutants

from workbench import contracts


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    contracts.prepare()


def test_all_tests_of_the_contracts_pass() -> None:
    command = [str(contracts.tool("forge")), "test", "--json"]
    done = subprocess.run(
        command, cwd=contracts.FOLDER, capture_output=True, text=True, check=False
    )
    suites = json.loads(done.stdout.splitlines()[0])
    failed = {
        f"{suite}: {name}: {result['reason']}"
        for suite, found in suites.items()
        for name, result in found["test_results"].items()
        if result["status"] != "Success"
    }
    assert not failed
    assert done.returncode == 0, done.stderr
    names = {name.partition("(")[0] for found in suites.values() for name in found["test_results"]}
    assert {mutant.test for mutant in mutants.read_all()} <= names


@pytest.mark.parametrize("mutant", mutants.read_all(), ids=lambda mutant: mutant.attack)
def test_every_defence_of_the_table_is_there(mutant: mutants.Mutant) -> None:
    source = (contracts.FOLDER / "contracts" / mutant.file).read_text()
    assert mutant.mutate(source) != source
