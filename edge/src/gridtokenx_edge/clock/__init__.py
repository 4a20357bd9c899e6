"""Time and its trustworthiness, injected wherever logic needs them."""

from gridtokenx_edge.clock.source import SYSTEM_CLOCK, Clock
from gridtokenx_edge.clock.status import ClockWatch, StatusProbe, system_clock_status, trusted_clock

__all__ = [
    "SYSTEM_CLOCK",
    "Clock",
    "ClockWatch",
    "StatusProbe",
    "system_clock_status",
    "trusted_clock",
]
