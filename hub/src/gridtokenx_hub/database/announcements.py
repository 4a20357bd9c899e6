"""What one process commits wakes another: NOTIFY and LISTEN. A wake-up may be lost, so look too."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from gridtokenx_hub.leadership import through_outages, until_stopped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import asyncpg

EVENTS = "events"
"""Announced by the database itself whenever events are committed."""
PAYMENTS = "payments"
"""Announced by the database itself whenever payments at the bridge change."""
WAKE_INDEXER = "wake_indexer"
"""Announced by whoever waits for a transaction's events."""
LOOK_AGAIN_S = 5.0
RETRY_S = 1.0


class Announcements:
    """Announcements on one channel, as long as the link lasts."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()
        self._broken = False

    async def wait(self) -> bool:
        """Wait for the next announcement, or for so long that one may have been lost.

        Returns:
            Whether there was one.

        Raises:
            ConnectionResetError: the link is broken.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._heard.wait()
        if self._broken:
            raise ConnectionResetError("the link that listened is broken")
        was_heard = self._heard.is_set()
        self._heard.clear()
        return was_heard

    def hear(self, *_details: object) -> None:
        """Take an announcement."""
        self._heard.set()

    def break_off(self, _connection: object) -> None:
        """Take the end of the link."""
        self._broken = True
        self._heard.set()


@contextlib.asynccontextmanager
async def listening(pool: asyncpg.Pool, channel: str) -> AsyncIterator[Announcements]:
    """Listen on a channel through a connection of its own."""
    announcements = Announcements()
    async with pool.acquire() as connection:
        await connection.add_listener(channel, announcements.hear)
        connection.add_termination_listener(announcements.break_off)
        try:
            yield announcements
        finally:
            if not connection.is_closed():
                connection.remove_termination_listener(announcements.break_off)
                await connection.remove_listener(channel, announcements.hear)


class WakeUp:
    """Calls `wake` at every announcement on a channel, and now and then without one."""

    def __init__(self, pool: asyncpg.Pool, channel: str, wake: Callable[[], None]) -> None:
        self._pool = pool
        self._channel = channel
        self._wake = wake

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set, through every outage."""
        await until_stopped(
            stop, through_outages(f"listening to {self._channel}", self._listen, RETRY_S)
        )

    async def _listen(self) -> None:
        async with listening(self._pool, self._channel) as announcements:
            while True:
                await announcements.wait()
                self._wake()
