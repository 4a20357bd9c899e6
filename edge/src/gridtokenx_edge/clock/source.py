"""The two clocks of an agent."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall clock and monotonic clock.

    Attributes:
        now_ms: Unix time in ms; may be set, and then jumps.
        monotonic_ms: ms since some fixed moment; never jumps.
    """

    now_ms: Callable[[], int]
    monotonic_ms: Callable[[], int]


SYSTEM_CLOCK = Clock(
    now_ms=lambda: time.time_ns() // 1_000_000,
    monotonic_ms=lambda: time.monotonic_ns() // 1_000_000,
)
