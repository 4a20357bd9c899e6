"""How much of a flood on one topic is looked at."""

from collections import Counter
from collections.abc import Callable

MESSAGES_PER_SECOND = 500
"""Of one topic. A device has at most 64 messages under way and hears at most one ack a second."""


class FloodGate:
    """Lets through so many messages of each topic in a second.

    What is more is not verified and gets no verdict: its sender, if genuine, sends it again. So a
    device that floods costs the others a few microseconds a message and not a signature check.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._second = 0
        self._counts: Counter[str] = Counter()

    def allows(self, topic: str) -> bool:
        """Tell whether one more message of this topic is let through, and count it."""
        second = self._clock() // 1000
        if second != self._second:
            self._second = second
            self._counts.clear()
        self._counts[topic] += 1
        return self._counts[topic] <= MESSAGES_PER_SECOND
