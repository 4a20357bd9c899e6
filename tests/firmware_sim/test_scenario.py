"""The user's own days: what is wrong with a file is said by line."""

from pathlib import Path

import pytest

from gridtokenx_firmware_sim.day import DAY_MS, Flow
from gridtokenx_firmware_sim.errors import ScenarioError
from gridtokenx_firmware_sim.scenario import load_csv, load_scenario

HEADER = "time,produced_w,consumed_w\n"


def hours(**changed: str) -> str:
    rows = {f"h{hour}": f"{hour:02d}:00,1000,250.5" for hour in range(24)} | changed
    return HEADER + "\n".join(rows.values()) + "\n"


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text(hours())
    day = load_csv(path)
    assert day.counts(DAY_MS, 1_000) == Flow(24_000, 6_012)
    assert day.power_mw(0) == Flow(1_000_000, 250_500)


def test_a_file_saved_by_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_bytes(b"\xef\xbb\xbf" + hours().replace("\n", "\r\n").encode())
    assert load_csv(path).counts(DAY_MS, 1_000) == Flow(24_000, 6_012)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line is time,produced_w,consumed_w"),
        ("time,produced_kw,consumed_kw\n", "first line"),
        (HEADER, "0 rows"),
        (HEADER + "00:00,1,1\n" * 23, "23 rows"),
        (HEADER + "00:00,1,1\n" * 2_880, "2880 rows"),
        (hours(h3="03:00,1"), "row 4 after the header has 2 values"),
        (hours(h3="3:00,1,1"), "row 4 .* expected 03:00"),
        (hours(h3="04:00,1,1"), "row 4 .* expected 03:00"),
        (hours(h3="03:00,one,1"), "row 4 .*'one' is not a number"),
        (hours(h3="03:00,,1"), "row 4 .*'' is not a number"),
        (hours(h3="03:00,-1,1"), "row 4 .*not between 0"),
        (hours(h3="03:00,NaN,1"), "row 4 .*not between 0"),
        (hours(h3="03:00,Infinity,1"), "row 4 .*not between 0"),
        (hours(h3="03:00,1,1e30"), "row 4 .*not between 0"),
        (hours(h3="03:00,1,0.0001"), "row 4 .*three fraction digits"),
    ],
)
def test_a_bad_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "day.csv"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=message) as caught:
        load_csv(path)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_csv(tmp_path / "missing.csv")
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_csv(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_csv(tmp_path / "binary.csv")


@pytest.mark.parametrize(("name", "house"), [("moon", "a"), ("seed", "c"), ("../seed", "a")])
def test_an_unknown_scenario_or_house(name: str, house: str) -> None:
    with pytest.raises(ScenarioError, match="scenarios: seed, bangkok"):
        load_scenario(name, house)
