"""How much of a flood on one topic is looked at."""

MESSAGES_PER_SECOND = 500
"""Of one topic. A device has at most 64 messages under way and hears at most one ack a second."""


class FloodGate:
    """Lets through so many messages of each topic in a second.

    What is more is not verified and gets no verdict: its sender, if genuine, sends it again. So a
    device that floods costs the others a few microseconds a message and not a signature check.
    """

    def __init__(self) -> None:
        self._second = 0
        self._counts: dict[str, int] = {}

    def allows(self, topic: str, second: int) -> bool:
        """Tell whether one more message of this topic is let through in `second`, and count it."""
        if second != self._second:
            self._second = second
            self._counts.clear()
        count = self._counts.get(topic, 0) + 1
        self._counts[topic] = count
        return count <= MESSAGES_PER_SECOND
