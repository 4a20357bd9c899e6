"""Slither finds nothing in the contracts that has no answer."""

import json
import os
import subprocess
import tomllib
from pathlib import Path

from workbench import contracts
from workbench.isolated import isolated

HERE = Path(__file__).parent / "slither"


def test_each_finding_has_its_answer(tmp_path: Path) -> None:
    contracts.prepare()
    # Slither cleans and builds where it is: in a copy, not under the feet of other tests.
    from_here = contracts.copy_project(tmp_path / "project")
    report = tmp_path / "report.json"
    path = os.pathsep.join([str(contracts.tool("forge").parent), os.environ["PATH"]])
    command = [*isolated(HERE), "slither", ".", "--filter-paths", "node_modules", "--json", report]
    subprocess.run(
        command, cwd=from_here, env=os.environ | {"PATH": path}, capture_output=True, check=False
    )
    results = json.loads(report.read_text())
    assert results["success"], results["error"]
    found = {
        (finding["check"], finding["elements"][0]["name"])
        for finding in results["results"]["detectors"]
    }
    answers = tomllib.loads((HERE / "answers.toml").read_text())["finding"]
    assert found == {(each["check"], each["function"]) for each in answers}
    assert all(each["answer"] for each in answers)
