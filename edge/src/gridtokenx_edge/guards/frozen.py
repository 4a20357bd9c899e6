"""A meter whose registers stand still while power flows has stopped measuring."""

from collections.abc import Mapping
from typing import Final

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.meters import MeterReading

STEPS: Final = 4
"""The power shown must come to so many steps of the counters before standing still is a fault."""
_MS_PER_HOUR: Final = 3_600_000


class FrozenGuard:
    """Refuses readings that repeat every register to the bit, although they show power.

    A living meter's voltage or frequency changes within seconds, and its counters once the power
    has come to a step of theirs. At no power nothing has to change, and nothing is refused.
    """

    def __init__(self, step_mwh: int, clock: Clock) -> None:
        """Begin with nothing seen.

        Args:
            step_mwh: Largest step that the meter's counters make at once.
            clock: Its monotonic time is used.
        """
        self._step_mwh = step_mwh
        self._clock = clock
        self._registers: Mapping[str, bytes] | None = None
        self._seen_at_ms = 0
        self._owed_mw_ms = 0

    def check(self, reading: MeterReading) -> None:
        """Compare a reading with the one before it.

        Raises:
            ReadingRefused: ``frozen``.
        """
        now_ms = self._clock.monotonic_ms()
        elapsed_ms, self._seen_at_ms = now_ms - self._seen_at_ms, now_ms
        if reading.registers != self._registers:
            self._registers, self._owed_mw_ms = reading.registers, 0
            return
        self._owed_mw_ms += abs(reading.active_power_mw) * elapsed_ms
        if self._owed_mw_ms > STEPS * self._step_mwh * _MS_PER_HOUR:
            raise ReadingRefused(
                "frozen",
                f"every register stands still, though {reading.active_power_mw} mW flow; restart"
                " the meter or its gateway",
            )
