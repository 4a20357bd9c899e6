"""Days: exact totals and no lost surplus, whatever the interval."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_firmware_sim.day import DAY_MS, Day, Flow, SlottedDay, SteadyDay
from gridtokenx_firmware_sim.scenario import HOUSES, SCENARIOS, load_scenario

RESOLUTIONS = st.sampled_from([1_000, 64])
SEED_A = SteadyDay(produced_kwh=20, consumed_kwh=8)


def surplus(day: Day, times_ms: list[int], counts_per_kwh: int) -> int:
    flows = [day.counts(time_ms, counts_per_kwh) for time_ms in times_ms]
    return sum(
        max(0, after.produced - before.produced - (after.consumed - before.consumed))
        for before, after in pairwise(flows)
    )


@pytest.mark.parametrize("counts_per_kwh", [1_000, 64])
@pytest.mark.parametrize("interval_s", [1, 7, 10, 60, 900, 3_600, 86_400])
def test_seed_surplus_is_12_kwh_at_any_interval(interval_s: int, counts_per_kwh: int) -> None:
    times = [*range(0, DAY_MS, interval_s * 1_000), DAY_MS]
    assert surplus(SEED_A, times, counts_per_kwh) == 12 * counts_per_kwh
    assert SEED_A.counts(DAY_MS, counts_per_kwh) == Flow(20 * counts_per_kwh, 8 * counts_per_kwh)


@given(st.lists(st.integers(0, DAY_MS), max_size=200), RESOLUTIONS)
def test_seed_surplus_is_12_kwh_at_uneven_intervals(times: list[int], counts_per_kwh: int) -> None:
    assert surplus(SEED_A, [0, *sorted(times), DAY_MS], counts_per_kwh) == 12 * counts_per_kwh


def test_seed_house_b_consumes_10_kwh() -> None:
    day = load_scenario("seed", "b")
    assert day.counts(DAY_MS, 1_000) == Flow(0, 10_000)
    assert day.counts(DAY_MS // 2, 1_000) == Flow(0, 5_000)


@given(
    st.sampled_from(SCENARIOS), st.sampled_from(HOUSES), st.integers(0, DAY_MS),
    st.integers(0, DAY_MS), RESOLUTIONS,
)  # fmt: skip
def test_registers_never_fall(
    scenario: str, house: str, one: int, other: int, counts_per_kwh: int
) -> None:
    day = load_scenario(scenario, house)
    before, after = (day.counts(time_ms, counts_per_kwh) for time_ms in sorted((one, other)))
    assert after.produced >= before.produced
    assert after.consumed >= before.consumed


def test_a_slotted_day_counts_each_slot() -> None:
    day = SlottedDay([Flow(0, 1_000_000)] * 12 + [Flow(2_000_000, 500_000)] * 12)
    assert day.counts(0, 1_000) == Flow(0, 0)
    assert day.counts(DAY_MS // 2, 1_000) == Flow(0, 12_000)
    assert day.counts(DAY_MS // 2 + 1_800_000, 1_000) == Flow(1_000, 12_250)
    assert day.counts(DAY_MS, 1_000) == Flow(24_000, 18_000)
    assert day.power_mw(DAY_MS // 2 - 1) == Flow(0, 1_000_000)
    assert day.power_mw(DAY_MS // 2) == Flow(2_000_000, 500_000)


def test_bangkok_has_sun_in_one_house_only() -> None:
    sunny, other = (load_scenario("bangkok", house).counts(DAY_MS, 1_000) for house in HOUSES)
    assert 15_000 < sunny.produced < 25_000
    assert 3_000 < sunny.consumed < 8_000
    assert other.produced == 0
    assert 8_000 < other.consumed < 14_000
