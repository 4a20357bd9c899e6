"""How far the wall clock may be trusted, signed into every reading (after OCMF)."""

import ctypes
from collections.abc import Callable
from typing import Final

from gridtokenx_edge.clock.source import Clock
from gridtokenx_protocol.record import ClockStatus

StatusProbe = Callable[[], ClockStatus]

STEP_MS: Final = 2_000
"""A larger difference between wall and monotonic time is a step, not a slew."""
HOLD_MS: Final = 60_000
"""After a step, the clock counts as not synchronised for so long."""

_TIME_ERROR: Final = 5
_TIMEX_SIZE: Final = 512  # more than struct timex has on any Linux; modes, its first field, is 0


def system_clock_status() -> ClockStatus:
    """Ask the kernel whether a time service keeps the clock synchronised.

    adjtimex(2) with modes = 0 only reads, needs no privilege, and returns TIME_ERROR when the
    clock is not synchronised. chrony, ntpd and systemd-timesyncd all maintain that state. Where
    there is no adjtimex, the status is unknown.
    """
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return ClockStatus.UNKNOWN
    state = adjtimex(ctypes.create_string_buffer(_TIMEX_SIZE))
    if state < 0:
        return ClockStatus.UNKNOWN
    return ClockStatus.INFORMATIVE if state == _TIME_ERROR else ClockStatus.SYNCHRONISED


def trusted_clock() -> ClockStatus:
    """The operator vouches for the clock: for containers, whose host keeps the time."""
    return ClockStatus.SYNCHRONISED


class ClockWatch:
    """The probe's status, held down for a while after the wall clock has jumped."""

    def __init__(self, probe: StatusProbe, clock: Clock) -> None:
        self._probe = probe
        self._clock = clock
        self._offset_ms = self._offset()
        self._stepped_at_ms: int | None = None

    def status(self) -> ClockStatus:
        """Status to sign at this moment: call it at every reading, to see every step."""
        offset_ms, now_ms = self._offset(), self._clock.monotonic_ms()
        if abs(offset_ms - self._offset_ms) > STEP_MS:
            self._stepped_at_ms = now_ms
        self._offset_ms = offset_ms
        status = self._probe()
        held = self._stepped_at_ms is not None and now_ms - self._stepped_at_ms < HOLD_MS
        return min(status, ClockStatus.INFORMATIVE) if held else status

    def _offset(self) -> int:
        return self._clock.now_ms() - self._clock.monotonic_ms()
