"""A fault that lasts is logged when it begins, once a minute, and when it ends."""

from typing import Final

REPEAT_AFTER_MS: Final = 60_000


class RepeatFilter:
    """Says when a lasting fault is due for another log line."""

    def __init__(self) -> None:
        self._reason: str | None = None
        self._logged_at_ms = 0

    def due(self, reason: str, now_ms: int) -> bool:
        """Whether to log a fault with this reason at this monotonic time."""
        if reason == self._reason and now_ms - self._logged_at_ms < REPEAT_AFTER_MS:
            return False
        self._reason, self._logged_at_ms = reason, now_ms
        return True

    def over(self) -> bool:
        """Whether a fault has just ended; the next one is logged at once."""
        ended = self._reason is not None
        self._reason = None
        return ended
