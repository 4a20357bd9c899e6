"""A fault that lasts is logged when it begins, once a minute, and when it ends."""

from typing import Final

REPEAT_AFTER_MS: Final = 60_000


class RepeatFilter:
    """Says when a lasting fault is due for another log line; each reason on its own."""

    def __init__(self) -> None:
        self._logged_at_ms: dict[str, int] = {}

    def due(self, reason: str, now_ms: int) -> bool:
        """Whether to log a fault with this reason at this monotonic time."""
        logged_at_ms = self._logged_at_ms.get(reason)
        if logged_at_ms is not None and now_ms - logged_at_ms < REPEAT_AFTER_MS:
            return False
        self._logged_at_ms[reason] = now_ms
        return True

    def over(self) -> bool:
        """Whether a fault has just ended; the next one is logged at once."""
        ended = bool(self._logged_at_ms)
        self._logged_at_ms.clear()
        return ended
