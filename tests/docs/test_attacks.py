"""The list of attacks names tests and defences that are there, and those that belong together."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.programs.defences.table import ROOT, read_all

LIST = ROOT / "docs" / "attacks.md"
TESTS = Path("tests", "programs")
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAME = re.compile(r"`([^`]+)`")
KINDS = 15
DEFENCES = {defence.name: defence for defence in read_all()}


@dataclass(frozen=True)
class Attack:
    """A row: its number, what is tried, the tests that try it, the defences against it."""

    number: int
    title: str
    tests: list[str]
    defences: list[str]


def attacks() -> list[Attack]:
    rows = ROW.findall(LIST.read_text())
    return [Attack(int(n), title, NAME.findall(a), NAME.findall(b)) for n, title, a, b in rows]


def test_each_row_is_read_and_no_kind_is_missing() -> None:
    table = LIST.read_text().partition("| --- |")[2].splitlines()[1:]
    assert len(attacks()) == len(table)
    assert sorted({attack.number for attack in attacks()}) == list(range(1, KINDS + 1))


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.title)
class TestAttack:
    def test_its_tests_are_there(self, attack: Attack) -> None:
        assert attack.tests
        for test in attack.tests:
            file, _, function = test.partition("::")
            source = (ROOT / TESTS / file).read_text()
            assert re.search(rf"^def {function}\(", source, re.MULTILINE), test

    def test_its_defences_are_there_each_with_its_test(self, attack: Attack) -> None:
        needed = {DEFENCES[name].test.partition("[")[0] for name in attack.defences}
        assert needed <= {str(TESTS / test) for test in attack.tests}
