"""Requests to one device whose replies may still come.

A serial frame does not say which request it answers. The reply to one that was given up may
come at any time later, and if the same was asked again it looks like the reply to that. But
a device answers in the order in which it was asked, and the length of a reply tells how many
registers it holds. So before the same is asked again, another number of registers is: once
that comes, all earlier replies have come, or never will.
"""

from collections import deque
from typing import Final

_MEMORY: Final = 20
"""With the pauses of a back-off these are minutes: nothing comes that late."""


class Outstanding:
    """Numbers of registers that were asked for in vain: oldest first, each once."""

    def __init__(self) -> None:
        self._counts: deque[int] = deque(maxlen=_MEMORY)

    def probe(self, count: int) -> int | None:
        """How many registers to ask for before ``count``; None when that may be asked at once."""
        if count not in self._counts:
            return None
        return next(other for other in range(1, _MEMORY + 2) if other not in self._counts)

    def lost(self, asked: int) -> None:
        """Nothing came, or nothing that tells what it answers."""
        self._counts.append(asked)

    def came(self, count: int, asked: int) -> None:
        """So many registers came: if not what was asked, then the reply to an older request."""
        if count == asked:
            self._counts.clear()
            return
        if count in self._counts:
            while self._counts.popleft() != count:
                pass
        self.lost(asked)

    def refused(self, asked: int) -> None:
        """An exception came, to this request or an older one: the oldest at least is done."""
        if self._counts:
            self._counts.popleft()
            self.lost(asked)
