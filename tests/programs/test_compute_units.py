"""The compute table says what the committed programs cost."""

import json
from importlib.resources import files

import pytest
from compute_cases import CASES
from compute_units import TABLE, table

BARS = {
    "register_user": 5_000,
    "register_meter": 9_000,
    "settle_meter": 6_000,
    "match_order": 6_000,
}


def test_the_table_is_that_of_a_fresh_run() -> None:
    assert TABLE.read_text("utf-8") == table(CASES), "run python tests/programs/compute_units.py"


@pytest.mark.parametrize("program", ["registry", "energy_token"])
def test_every_instruction_is_measured(program: str) -> None:
    idl = json.loads((files("gridtokenx_programs") / f"idl/{program}.json").read_text())
    measured = {case.instruction for case in CASES if case.program == program}
    assert measured == {instruction["name"] for instruction in idl["instructions"]}


def test_the_bars_hold() -> None:
    for line in TABLE.read_text("utf-8").splitlines():
        match line.strip("| ").split("|"):
            case [_, instruction, _, units] if instruction.strip() in BARS:
                measured = int(units.strip().replace(",", ""))
                assert measured < BARS[instruction.strip()], line
