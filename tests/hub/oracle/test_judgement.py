"""Which rate is posted, for any answers."""

import statistics

from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_hub.oracle.judgement import judge, median

RATE = st.integers(1, 10**12)
RATES = st.lists(RATE, max_size=9)
QUORUM = st.integers(1, 9)
PERCENT = st.integers(1, 100)
MAYBE = st.none() | RATE


@given(st.lists(RATE, min_size=1, max_size=9))
def test_the_median_is_the_mathematicians_rounded_down(rates: list[int]) -> None:
    low, high = statistics.median_low(rates), statistics.median_high(rates)
    assert median(rates) == (low + high) // 2


@given(st.lists(RATE, min_size=1, max_size=9), st.data())
def test_a_minority_of_liars_moves_the_median_no_further_than_the_honest(
    honest: list[int], data: st.DataObject
) -> None:
    liars = data.draw(st.lists(RATE, max_size=len(honest) - 1))
    found = median([*honest, *liars])
    assert found is not None
    assert min(honest) <= found <= max(honest)


@given(RATES, QUORUM, PERCENT, MAYBE, MAYBE)
def test_what_is_posted(
    rates: list[int], quorum: int, percent: int, last: int | None, manual: int | None
) -> None:
    made = judge(rates, quorum, percent, last, manual)
    if len(rates) < quorum:
        assert made.doubt == "too_few"
    if made.basis == "median":
        assert made.doubt is None
        assert made.rate is not None
        assert len(rates) >= quorum
        assert min(rates) <= made.rate <= max(rates)
        if last is not None:
            assert last * (100 - percent) <= made.rate * 100 <= last * (100 + percent)
    else:
        assert made.doubt is not None
        assert made.rate == manual
    assert (made.basis is None) == (made.rate is None)


@given(st.lists(RATE, min_size=1, max_size=9), PERCENT, RATE)
def test_a_manual_rate_confirms_a_jump(rates: list[int], percent: int, last: int) -> None:
    """What the operator posts is the last rate of the next round: the sources go on from there."""
    confirmed = median(rates)
    assert judge(rates, 1, percent, last, confirmed).rate == confirmed
    assert judge(rates, 1, percent, confirmed, None).basis == "median"


def test_the_limit_itself_is_no_jump() -> None:
    assert judge([105], 1, 5, 100, None).basis == "median"
    assert judge([95], 1, 5, 100, None).basis == "median"
    assert judge([106], 1, 5, 100, None).doubt == "jump"
    assert judge([94], 1, 5, 100, 100).rate == 100


def test_nothing_told() -> None:
    assert judge([], 1, 5, 100, None) == judge([], 1, 5, None, None)
    assert judge([], 1, 5, None, None).doubt == "too_few"
