"""What the README says about the meters is so."""

from pathlib import Path

from tests.edge.meters.golden import CASES

from gridtokenx_edge.meters import Quantity, shipped_profiles

README = Path(__file__).parents[3] / "edge/README.md"


def checked_against(profile: str) -> str:
    """Which real origin has the most quantities, and whether these are all."""
    best, answer = 0, "synthetic"
    for origin, words in (("capture", "capture"), ("document", "maker's example")):
        found = [
            len(case.reading) for case in CASES if (case.profile, case.origin) == (profile, origin)
        ]
        if max(found, default=0) > best:
            best = max(found)
            answer = words if best == len(Quantity) else f"{words}, in part"
    return answer


def test_the_table_of_meters_names_all_and_what_they_are_checked_against() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in README.read_text().splitlines()
        if line.startswith("| `") and line.count("|") == 6
    ]
    assert {row[0].strip("`"): row[4] for row in rows} == {
        name: checked_against(name) for name in shipped_profiles()
    }
