"""Which rate is posted, given what the sources told: nothing but arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Doubt = Literal["too_few", "jump", "no_chain"]
"""Why the sources' median is not believed; without the chain, the rate before is not known."""
Basis = Literal["median", "manual"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What comes of a round; rates in µTHB per GRX.

    Attributes:
        median: of the rates that were told, None of none.
        doubt: why it is not the rate, None when it is.
        basis: what the rate is, None when there is none to post.
        rate: what is to be posted.
    """

    median: int | None
    doubt: Doubt | None
    basis: Basis | None
    rate: int | None


def judge(
    rates: Sequence[int],
    quorum: int,
    max_jump_percent: int,
    last: int | None,
    manual: int | None,
) -> Judgement:
    """Return the median if it can be believed, else the operator's rate, else nothing.

    Args:
        rates: what fresh sources told.
        quorum: so many must have told one.
        max_jump_percent: so much may the median differ from `last`.
        last: the rate on chain, None when none was ever posted.
        manual: the operator's rate that is in force, None when there is none. It may jump.
    """
    found = median(rates)
    doubt: Doubt | None = None
    if found is None or len(rates) < quorum:
        doubt = "too_few"
    elif last is not None and abs(found - last) * 100 > max_jump_percent * last:
        doubt = "jump"
    if doubt is None:
        return Judgement(found, None, "median", found)
    return Judgement(found, doubt, None if manual is None else "manual", manual)


def median(rates: Sequence[int]) -> int | None:
    """Return the middle one, or of an even number the mean of the middle two, rounded down."""
    if not rates:
        return None
    ordered, middle = sorted(rates), len(rates) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2
