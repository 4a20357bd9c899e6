"""The IDL files say what the programs do."""

import json
import re
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[3] / "programs"
CRATES = {"registry": "registry", "energy_token": "energy-token"}


@pytest.mark.parametrize("name", CRATES)
def test_errors_are_those_of_the_program_in_its_order(name: str) -> None:
    source = (PROGRAMS / CRATES[name] / "src/error.rs").read_text()
    body = re.search(r"pub enum \w+ \{(.*?)\n {4}\}", source, re.DOTALL)
    assert body
    in_program = re.findall(r"^ +(\w+),$", body.group(1), re.MULTILINE)
    in_idl = json.loads((PROGRAMS / "idl" / f"{name}.json").read_text())["errors"]
    assert [error["name"] for error in in_idl] == in_program
    assert [error["code"] for error in in_idl] == list(range(6000, 6000 + len(in_program)))
