"""Leaving a dead device alone for a while, so that it does not stall its bus."""

from typing import Final

PATIENCE: Final = 3
"""So many failures in a row are tried again at the next turn: they may be a disturbance."""
FIRST_PAUSE_MS: Final = 500
LONGEST_PAUSE_MS: Final = 30_000


class BackOff:
    """When a device that failed may be tried again; times are monotonic ms."""

    def __init__(self) -> None:
        self._failures = 0
        self._not_before_ms = 0

    def wait_ms(self, now_ms: int) -> int:
        """How long to leave the device alone; 0 when it may be tried."""
        return max(0, self._not_before_ms - now_ms)

    def failed(self, now_ms: int) -> None:
        """Count a failure; from the third in a row on, the pause doubles each time."""
        self._failures += 1
        doublings = self._failures - PATIENCE
        if doublings >= 0:
            pause_ms = min(FIRST_PAUSE_MS << min(doublings, 16), LONGEST_PAUSE_MS)
            self._not_before_ms = now_ms + pause_ms

    def succeeded(self) -> None:
        """Forget all failures."""
        self._failures = 0
        self._not_before_ms = 0
