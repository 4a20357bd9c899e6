"""What flows through a meter in a day: cumulative energy by the time since the day began.

Energy is counted in whole register steps of the meter ("counts", so many per kWh), so that a
register only ever shows what it can hold exactly.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

DAY_MS = 24 * 60 * 60 * 1000
_MILLIWATT_MS_PER_KWH = 1_000_000 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Flow:
    """Electricity out of and into a house, in any unit that both fields share."""

    produced: int
    consumed: int


class Day(Protocol):
    """One day at a house's connection point."""

    def counts(self, elapsed_ms: int, counts_per_kwh: int) -> Flow:
        """Register counts since the day began, at 0 to ``DAY_MS``; neither ever falls."""
        ...

    def power_mw(self, elapsed_ms: int) -> Flow:
        """Power in mW at 0 to ``DAY_MS`` - 1."""
        ...


@dataclass(frozen=True, slots=True)
class SteadyDay:
    """The same power all day.

    Attributes:
        produced_kwh: Total of the day.
        consumed_kwh: Total of the day.
    """

    produced_kwh: int
    consumed_kwh: int

    def counts(self, elapsed_ms: int, counts_per_kwh: int) -> Flow:
        """See ``Day.counts``.

        Where there is production, consumption follows from its count and not from the time:
        in no interval, however short, does the smaller flow count more than the greater.
        """
        produced = self.produced_kwh * counts_per_kwh * elapsed_ms // DAY_MS
        if self.produced_kwh:
            return Flow(produced, produced * self.consumed_kwh // self.produced_kwh)
        return Flow(0, self.consumed_kwh * counts_per_kwh * elapsed_ms // DAY_MS)

    def power_mw(self, elapsed_ms: int) -> Flow:
        """See ``Day.power_mw``."""
        del elapsed_ms
        produced, consumed = (
            kwh * _MILLIWATT_MS_PER_KWH // DAY_MS for kwh in (self.produced_kwh, self.consumed_kwh)
        )
        return Flow(produced, consumed)


class SlottedDay:
    """A day in slots of equal length, with the mean power of each.

    Args:
        power_mw: Mean power of each slot in mW; their number divides ``DAY_MS``.
    """

    def __init__(self, power_mw: Sequence[Flow]) -> None:
        self._power = tuple(power_mw)
        self._slot_ms = DAY_MS // len(self._power)
        self._starts = tuple(range(0, DAY_MS, self._slot_ms))
        self._produced = self._energy([flow.produced for flow in self._power])
        self._consumed = self._energy([flow.consumed for flow in self._power])

    def counts(self, elapsed_ms: int, counts_per_kwh: int) -> Flow:
        """See ``Day.counts``."""
        slot = self._slot(elapsed_ms)
        inside_ms = elapsed_ms - self._starts[slot]
        power = self._power[slot]
        produced = self._produced[slot] + power.produced * inside_ms
        consumed = self._consumed[slot] + power.consumed * inside_ms
        return Flow(
            produced * counts_per_kwh // _MILLIWATT_MS_PER_KWH,
            consumed * counts_per_kwh // _MILLIWATT_MS_PER_KWH,
        )

    def power_mw(self, elapsed_ms: int) -> Flow:
        """See ``Day.power_mw``."""
        return self._power[self._slot(elapsed_ms)]

    def _slot(self, elapsed_ms: int) -> int:
        return bisect_right(self._starts, elapsed_ms) - 1

    def _energy(self, power_mw: Sequence[int]) -> tuple[int, ...]:
        """Energy in mW·ms at the start of each slot."""
        return tuple(accumulate((power * self._slot_ms for power in power_mw[:-1]), initial=0))
