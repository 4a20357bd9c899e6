"""Energy counters may only rise, and no faster than the connection point can carry."""

from dataclasses import dataclass
from typing import Final

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config.model import LimitsConfig
from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.meters import MeterReading
from gridtokenx_protocol.record import ClockStatus

_MS_PER_HOUR: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """Counters of the last reading that was signed, and its time in Unix ms."""

    time_ms: int
    produced_mwh: int
    consumed_mwh: int


class RegisterGuard:
    """Refuses a counter that falls, reads zero once, or jumps beyond rated power x time.

    The limit grows with the time since the last accepted reading, so a true jump after an
    outage is only held back until enough time has passed for it. That time is monotonic within
    a run. For the time before this run only the wall clock can tell, and it is believed only
    while it is synchronised: a wrong clock at start neither opens nor shuts the gate.
    """

    def __init__(self, limits: LimitsConfig, step_mwh: int, clock: Clock, last: Accepted) -> None:
        """Begin behind the last accepted reading.

        Args:
            limits: Rated power of the connection point.
            step_mwh: Largest step that the meter's counters make at once.
            clock: Both clocks are used.
            last: The last reading that was signed, by this run or one before.
        """
        self._limits = limits
        self._step_mwh = step_mwh
        self._clock = clock
        self._last = last
        self._since_ms = self._checked_at_ms = clock.monotonic_ms()
        self._accepted_in_this_run = False

    def check(self, reading: MeterReading, status: ClockStatus) -> None:
        """Compare a reading with the last accepted one.

        Args:
            reading: What the meter shows now.
            status: How far the wall clock may be trusted now.

        Raises:
            ReadingRefused: ``register_zero``, ``register_fell`` or ``register_jumped``.
        """
        self._checked_at_ms = self._clock.monotonic_ms()
        elapsed_ms = self._elapsed_ms(status)
        for name, value, last, limit_w in (
            ("produced", reading.produced_mwh, self._last.produced_mwh, self._limits.export_w),
            ("consumed", reading.consumed_mwh, self._last.consumed_mwh, self._limits.import_w),
        ):
            if value < last:
                reason = "register_zero" if value == 0 else "register_fell"
                raise ReadingRefused(
                    reason,
                    f"{name} reads {value} mWh after {last}; if the meter was replaced,"
                    " it must be registered anew",
                )
            if value - last > largest_rise_mwh(limit_w, elapsed_ms) + self._step_mwh:
                raise ReadingRefused(
                    "register_jumped",
                    f"{name} rose by {value - last} mWh in {elapsed_ms} ms, more than"
                    f" {limit_w} W can; check the meter and the limit",
                )

    def accept(self, accepted: Accepted) -> None:
        """Remember that the reading that was checked last is signed."""
        self._last = accepted
        self._since_ms = self._checked_at_ms
        self._accepted_in_this_run = True

    def _elapsed_ms(self, status: ClockStatus) -> int:
        in_this_run_ms = self._checked_at_ms - self._since_ms
        if self._accepted_in_this_run or status is not ClockStatus.SYNCHRONISED:
            return in_this_run_ms
        return max(in_this_run_ms, self._clock.now_ms() - self._last.time_ms)


def largest_rise_mwh(limit_w: int, elapsed_ms: int) -> int:
    """Most that rated power x time can come to, and 10 % more, in mWh.

    W x ms / 3,600,000 is Wh; x 1,000 makes it mWh, and x 1.1 adds the tolerance.
    """
    return limit_w * elapsed_ms * 1_100 // _MS_PER_HOUR
