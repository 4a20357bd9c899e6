"""The surplus register, against what the chain requires of it."""

from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_edge.surplus import Boundary, boundary_due, close_interval, floor_boundary

RISES = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=20)


def run(rises: list[tuple[int, int]]) -> Boundary:
    boundary = Boundary(0, 5, 7, 0)
    for index, (produced, consumed) in enumerate(rises, start=1):
        boundary = close_interval(
            boundary,
            index * 1000,
            boundary.produced_mwh + produced,
            boundary.consumed_mwh + consumed,
        )
    return boundary


@given(RISES)
def test_the_chain_accepts_any_run_of_intervals_as_one(rises: list[tuple[int, int]]) -> None:
    end = run(rises)
    produced, consumed = end.produced_mwh - 5, end.consumed_mwh - 7
    assert max(0, produced - consumed) <= end.surplus_mwh <= produced


@given(RISES)
def test_surplus_is_the_sum_over_intervals(rises: list[tuple[int, int]]) -> None:
    assert run(rises).surplus_mwh == sum(max(0, p - c) for p, c in rises)


def test_a_day_netted_by_quarter_hours_keeps_the_noon_surplus() -> None:
    night, noon = (0, 4_000_000), (7_000_000, 0)
    assert run([night, noon]).surplus_mwh == 7_000_000
    assert run([(7_000_000, 4_000_000)]).surplus_mwh == 3_000_000


@given(st.integers(0, 2**45), st.sampled_from([1, 60, 900, 86_400]))
def test_boundaries_are_multiples_of_the_interval(time_ms: int, interval_s: int) -> None:
    boundary_ms = floor_boundary(time_ms, interval_s)
    assert boundary_ms % (interval_s * 1000) == 0
    assert boundary_ms <= time_ms < boundary_ms + interval_s * 1000


def test_a_boundary_is_due_once() -> None:
    last = Boundary(900_000, 0, 0, 0)
    assert boundary_due(last, 900_000, 900) is None
    assert boundary_due(last, 1_799_999, 900) is None
    assert boundary_due(last, 1_800_000, 900) == 1_800_000
    assert boundary_due(last, 4_000_000, 900) == 3_600_000, "those slept through are netted as one"
    assert boundary_due(last, 100, 900) is None, "a clock set back closes nothing"


def test_a_baseline_between_boundaries_is_followed_by_the_next() -> None:
    assert boundary_due(Boundary(900_001, 0, 0, 0), 1_800_500, 900) == 1_800_000
