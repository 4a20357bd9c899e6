"""Netting production against consumption at the boundaries of settlement intervals.

Boundaries are multiples of the interval since the Unix epoch, in UTC. A surplus that is signed
by the device makes it irrelevant which settlement readings reach the chain, and how often.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where the last netted interval ended.

    Attributes:
        time_ms: Unix ms; a multiple of the interval, or the time at which a key or meter began.
        produced_mwh: Export counter then.
        consumed_mwh: Import counter then.
        surplus_mwh: Sum over all netted intervals of max(0, rise of produced - of consumed).
    """

    time_ms: int
    produced_mwh: int
    consumed_mwh: int
    surplus_mwh: int


def floor_boundary(time_ms: int, interval_s: int) -> int:
    """The last boundary at or before a time, Unix ms."""
    return time_ms - time_ms % (interval_s * 1000)


def boundary_due(last: Boundary, time_ms: int, interval_s: int) -> int | None:
    """The boundary that a reading at this time closes, Unix ms; None when there is none.

    Only the latest boundary can be closed: its registers are those of the first good reading
    at or after it. Boundaries before it that no reading closed are netted with it as one.
    """
    boundary_ms = floor_boundary(time_ms, interval_s)
    return boundary_ms if boundary_ms > last.time_ms else None


def close_interval(
    last: Boundary, boundary_ms: int, produced_mwh: int, consumed_mwh: int
) -> Boundary:
    """Net what was metered since the last boundary, as one interval."""
    net_mwh = (produced_mwh - last.produced_mwh) - (consumed_mwh - last.consumed_mwh)
    return Boundary(
        time_ms=boundary_ms,
        produced_mwh=produced_mwh,
        consumed_mwh=consumed_mwh,
        surplus_mwh=last.surplus_mwh + max(0, net_mwh),
    )
