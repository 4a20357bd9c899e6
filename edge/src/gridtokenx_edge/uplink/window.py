"""Which readings are under way."""

from typing import Final

WINDOW: Final = 64
"""Most readings that are published and not yet acknowledged by the hub."""


class Window:
    """Readings that were published and have no ack yet; times are monotonic seconds."""

    def __init__(self, resend_after_s: float) -> None:
        self._resend_after_s = resend_after_s
        self._sent_at: dict[int, float] = {}

    @property
    def room(self) -> int:
        """How many more may be published."""
        return WINDOW - len(self._sent_at)

    @property
    def highest(self) -> int:
        """Highest sequence under way; 0 for none."""
        return max(self._sent_at, default=0)

    def sent(self, sequence: int, now_s: float) -> None:
        """Note that a reading is being published, for the first time or again."""
        self._sent_at[sequence] = now_s

    def forget(self, up_to: int) -> None:
        """Forget readings that have their ack."""
        self._sent_at = {s: at for s, at in self._sent_at.items() if s > up_to}

    def lost(self, sequence: int) -> None:
        """Forget a reading that the spool no longer holds."""
        self._sent_at.pop(sequence, None)

    def clear(self) -> None:
        """Forget everything: after a new connection, nothing counts as sent."""
        self._sent_at.clear()

    def overdue(self, now_s: float) -> list[int]:
        """Readings to send again, oldest first."""
        return sorted(s for s, at in self._sent_at.items() if now_s - at >= self._resend_after_s)

    def next_overdue_in(self, now_s: float) -> float | None:
        """Seconds until a reading is to be sent again; None when nothing is under way."""
        if not self._sent_at:
            return None
        return max(0.0, min(self._sent_at.values()) + self._resend_after_s - now_s)
