"""What waits between two steps of ingest."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Backlog(Generic[T]):
    """A queue that is emptied by many at once.

    It has no bound of its own: what may wait is bounded by what the broker may send before it is
    acknowledged.
    """

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: Iterable[T]) -> None:
        """Append items."""
        self._items.extend(items)
        if self._items:
            self._filled.set()

    async def take(self, limit: int) -> list[T]:
        """Remove and return the oldest items, 1 to `limit`, waiting for the first."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        return [self._items.popleft() for _ in range(min(limit, len(self._items)))]

    def clear(self) -> None:
        """Let go of everything."""
        self._items.clear()
