"""Which messages are under way."""

from typing import Final

from gridtokenx_edge.records import Range

WINDOW: Final = 64
"""Most messages that are published and not yet acknowledged by the hub."""


class Window:
    """Messages that were published and have no ack yet, each with the readings it carries.

    Times are monotonic seconds.
    """

    def __init__(self, resend_after_s: float) -> None:
        self._resend_after_s = resend_after_s
        self._sent_at: dict[Range, float] = {}

    @property
    def room(self) -> int:
        """How many more may be published."""
        return WINDOW - len(self._sent_at)

    @property
    def highest(self) -> int:
        """Highest sequence under way; 0 for none."""
        return max((carried.last for carried in self._sent_at), default=0)

    def sent(self, carried: Range, now_s: float) -> None:
        """Note that readings are being published, for the first time or again."""
        self._sent_at[carried] = now_s

    def forget(self, up_to: int) -> None:
        """Forget messages whose readings all have their ack."""
        self._sent_at = {c: at for c, at in self._sent_at.items() if c.last > up_to}

    def take_back(self, carried: Range) -> None:
        """Forget a message, because its readings are sent anew or not held any more."""
        self._sent_at.pop(carried, None)

    def clear(self) -> None:
        """Forget everything: after a new connection, nothing counts as sent."""
        self._sent_at.clear()

    def overdue(self, now_s: float) -> list[Range]:
        """What to send again, oldest first."""
        return sorted(c for c, at in self._sent_at.items() if now_s - at >= self._resend_after_s)

    def next_overdue_in(self, now_s: float) -> float | None:
        """Seconds until something is to be sent again; None when nothing is under way."""
        if not self._sent_at:
            return None
        return max(0.0, min(self._sent_at.values()) + self._resend_after_s - now_s)
