"""A run whose numbers are not what the plan makes them is told so."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from demo.outcome import differences
from demo.plan import Plan
from demo.story import amount

PLAN = Plan(folder=Path("unused"))
SURPLUS_MWH = 12_000_000
GOOD: dict[str, Any] = {
    "energy_a": 2_000_000,
    "energy_b": 10_000_000,
    "grx_a_delta": 30_000_000,
    "grx_b_delta": -30_000_000,
    "readings_verified": 100,
    "minted": SURPLUS_MWH,
}


def test_what_the_plan_makes_has_no_differences() -> None:
    assert differences(PLAN, GOOD, SURPLUS_MWH, SURPLUS_MWH) == []


@pytest.mark.parametrize("name", ["energy_a", "energy_b", "grx_a_delta", "grx_b_delta", "minted"])
def test_one_base_unit_too_many_is_a_difference(name: str) -> None:
    lines = differences(PLAN, GOOD | {name: GOOD[name] + 1}, SURPLUS_MWH, SURPLUS_MWH)
    assert any(line.startswith(f"{name} is") for line in lines)


def test_a_supply_that_nobody_minted_is_a_difference() -> None:
    (line,) = differences(PLAN, GOOD, SURPLUS_MWH + 1, SURPLUS_MWH)
    assert "supply" in line


def test_a_seed_day_with_another_surplus_is_a_difference() -> None:
    more = GOOD | {"minted": 13_000_000, "energy_a": 3_000_000}
    (line,) = differences(PLAN, more, 13_000_000, 13_000_000)
    assert "surplus" in line


def test_no_readings_is_a_difference() -> None:
    assert differences(PLAN, GOOD | {"readings_verified": 0}, SURPLUS_MWH, SURPLUS_MWH)


def test_a_price_with_a_fraction_is_rounded_up_once() -> None:
    plan = Plan(folder=Path("unused"), sell_kwh=Decimal("4.5"), price_grx=Decimal("2.222223"))
    paid = 10_000_004  # 4.5 kWh at 2.222223 GRX is 10.0000035 GRX
    outcome = GOOD | {
        "energy_a": SURPLUS_MWH - 4_500_000,
        "energy_b": 4_500_000,
        "grx_a_delta": paid,
        "grx_b_delta": -paid,
    }
    assert differences(plan, outcome, SURPLUS_MWH, SURPLUS_MWH) == []


@pytest.mark.parametrize(
    ("base_units", "text"),
    [(0, "0"), (12_000_000, "12"), (1_500_000, "1.5"), (-1, "-0.000001")],
)
def test_amounts_are_written_without_needless_zeros(base_units: int, text: str) -> None:
    assert amount(base_units) == text
