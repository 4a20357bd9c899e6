"""energy-token: what a meter's limits let through, at the edges and against a model."""

from __future__ import annotations

from typing import Any

import pytest
from grid import DAY_S, INTERVAL_S, KWH, LIMITS, Grid, Site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solders.token.state import Mint
from worlds import MemoryWorld

TICK_MWH = 10_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
HUGE = 2**63 - 1
NO_LIMITS = dict.fromkeys(LIMITS, HUGE)


def energy_limit(limit_mw: int, elapsed_ms: int) -> int:
    energy = limit_mw * elapsed_ms // HOUR_MS
    return energy + energy // 10 + TICK_MWH


class Model:
    """A ledger in unbounded integers, of what the design says."""

    def __init__(self, limits: dict[str, int]) -> None:
        self.limits = limits
        daily = limits["daily_export_limit_mwh"]
        self.daily = daily + daily // 10
        self.allowance = self.daily + TICK_MWH
        self.minted = 0

    def refusal(self, elapsed_ms: int, produced: int, consumed: int, surplus: int) -> str | None:
        """Why the reading is refused; None when it settles, which moves the model on."""
        refill = self.daily * elapsed_ms // DAY_MS
        allowance = min(self.allowance + refill, max(self.daily, refill) + TICK_MWH)
        if not max(0, produced - consumed) <= surplus <= produced:
            return "FalseSurplus"
        if produced > energy_limit(self.limits["export_limit_mw"], elapsed_ms):
            return "ExportLimitExceeded"
        if consumed > energy_limit(self.limits["import_limit_mw"], elapsed_ms):
            return "ImportLimitExceeded"
        if produced > allowance:
            return "DailyLimitExceeded"
        self.allowance = allowance - produced
        self.minted += surplus
        return None


def reading(site: Site, seconds: int, produced: int, consumed: int, surplus: int) -> bytes:
    """A reading after some time; the chain's clock goes with it."""
    last = site.ledger
    time_ms = last["last_time_ms"] + seconds * 1000
    site.grid.world.set_time(time_ms // 1000)
    return site.reading(
        time_ms=time_ms,
        produced_mwh=last["produced_mwh"] + produced,
        consumed_mwh=last["consumed_mwh"] + consumed,
        surplus_mwh=last["surplus_mwh"] + surplus,
    )


def boundary_site(grid: Grid, limits: dict[str, int] | None = None, **baseline: Any) -> Site:
    """A site whose baseline lies on an interval boundary."""
    return grid.site(limits=limits, time_ms=grid.world.now * 1000, **baseline)


@pytest.mark.clock_jump
@pytest.mark.parametrize("seconds", [INTERVAL_S, DAY_S])
@pytest.mark.parametrize("error", ["ExportLimitExceeded", "ImportLimitExceeded"])
def test_the_power_limits_have_an_edge(grid: Grid, error: str, seconds: int) -> None:
    exporting = error == "ExportLimitExceeded"
    limit = LIMITS["export_limit_mw" if exporting else "import_limit_mw"]
    most = energy_limit(limit, seconds * 1000)
    site = boundary_site(grid, {"daily_export_limit_mwh": HUGE})

    def try_at(energy: int) -> bytes:
        flow = (energy, 0, energy) if exporting else (0, energy, 0)
        return reading(site, seconds, *flow)

    record = try_at(most + 1)
    site.refuse(error, record)
    last = site.ledger
    assert last["last_sequence"] == 1
    site.settle(try_at(most))


@pytest.mark.clock_jump
def test_the_daily_limit_has_an_edge(grid: Grid) -> None:
    site = boundary_site(grid)
    daily = LIMITS["daily_export_limit_mwh"]
    most = daily + daily // 10 + TICK_MWH
    site.refuse("DailyLimitExceeded", reading(site, DAY_S, most + 1, 0, most + 1))
    site.settle(reading(site, DAY_S, most, 0, most))


@pytest.mark.clock_jump
def test_the_tolerance_is_not_granted_anew_each_time(grid: Grid) -> None:
    """A device that lies a little in each quarter-hour gains a tenth of a day, once."""
    limits = {"export_limit_mw": HUGE, "daily_export_limit_mwh": 96 * KWH}
    site = boundary_site(grid, limits)
    daily = 96 * KWH * 11 // 10
    start = daily + TICK_MWH
    site.settle(reading(site, INTERVAL_S, start, 0, start))
    for _ in range(4):
        refilled = daily // 96
        site.refuse("DailyLimitExceeded", reading(site, INTERVAL_S, refilled + 1, 0, refilled + 1))
        site.settle(reading(site, INTERVAL_S, refilled, 0, refilled))


@pytest.mark.clock_jump
def test_after_long_silence_the_limit_is_that_of_the_whole_time(grid: Grid) -> None:
    site = boundary_site(grid, {"export_limit_mw": HUGE})
    month = 30 * LIMITS["daily_export_limit_mwh"] * 11 // 10 + TICK_MWH
    site.refuse("DailyLimitExceeded", reading(site, 30 * DAY_S, month + 1, 0, month + 1))
    site.settle(reading(site, 30 * DAY_S, month // 2, 0, month // 2))
    day = LIMITS["daily_export_limit_mwh"] * 11 // 10 + TICK_MWH
    site.refuse("DailyLimitExceeded", reading(site, INTERVAL_S, day + 1, 0, day + 1))


@pytest.mark.clock_jump
def test_limits_beyond_all_numbers_limit_nothing(grid: Grid) -> None:
    site = boundary_site(grid, NO_LIMITS, produced_mwh=0, consumed_mwh=0)
    site.settle(reading(site, 366 * DAY_S, HUGE, HUGE, HUGE))
    assert grid.world.balance(site.token) == HUGE


POWER = st.one_of(st.integers(1, 50_000_000), st.integers(1, HUGE))
FRACTION = st.integers(0, 1_150)
STEP = st.tuples(st.integers(1, 200), FRACTION, FRACTION, FRACTION)


@given(
    limits=st.fixed_dictionaries(dict.fromkeys(LIMITS, POWER)),
    steps=st.lists(STEP, min_size=1, max_size=6),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_program_agrees_with_the_model(
    limits: dict[str, int], steps: list[tuple[int, int, int, int]]
) -> None:
    """Random readings around the limits: the program refuses what the model refuses."""
    grid = Grid(MemoryWorld())
    grid.start_registry()
    grid.start_tokens()
    site, model = boundary_site(grid, limits), Model(limits)
    for intervals, produced_part, consumed_part, surplus_part in steps:
        seconds = intervals * INTERVAL_S
        bound = min(energy_limit(limits["export_limit_mw"], seconds * 1000), model.allowance)
        produced = min(bound * produced_part // 1_000, 2**60)
        consumed = min(
            energy_limit(limits["import_limit_mw"], seconds * 1000) * consumed_part // 1_000, 2**60
        )
        least = max(0, produced - consumed)
        surplus = least + (produced - least) * surplus_part // 1_000
        record = reading(site, seconds, produced, consumed, surplus)
        refusal = model.refusal(seconds * 1000, produced, consumed, surplus)
        if refusal:
            site.refuse(refusal, record)
        else:
            site.settle(record)
    assert site.ledger["minted_mwh"] == model.minted == grid.world.balance(site.token)
    mint = grid.world.find(grid.world.addresses.energy_mint())
    assert mint is not None
    assert Mint.from_bytes(bytes(mint.data)).supply == model.minted
