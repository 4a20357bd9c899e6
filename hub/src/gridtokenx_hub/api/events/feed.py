"""New events to all who listen: read once when the database says so, however many there are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gridtokenx_hub.api.events.log import Entry, events_after, newest_events
from gridtokenx_hub.api.http.problems import unavailable
from gridtokenx_hub.database.announcements import EVENTS, PAYMENTS, listening
from gridtokenx_hub.leadership import through_outages, until_stopped

if TYPE_CHECKING:
    import asyncpg

AT_ONCE = 500
MAX_BATCHES = 100
"""Batches that may wait for a client; one that is slower than that is dropped."""
MAX_LISTENERS = 500
RETRY_S = 1.0


class Listener:
    """One who gets new events; `dropped` when they are too slow, or the feed ends."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Sequence[Entry] | None] = asyncio.Queue(MAX_BATCHES)
        self.dropped = asyncio.Event()

    def put(self, entries: Sequence[Entry] | None) -> None:
        """Hand over events, or that payments have changed (None), or drop the listener."""
        try:
            self._waiting.put_nowait(entries)
        except asyncio.QueueFull:
            self.dropped.set()

    async def next(self, timeout_s: float) -> Sequence[Entry] | None:
        """Return the next events, none when there are none for so long; None: payments changed."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._waiting.get()
        except TimeoutError:
            return ()


class EventFeed:
    """Reads new events whenever the database announces some, and passes them to the listeners.

    Args:
        pool: the hub's database.
        programs: the names under which events are kept.
    """

    def __init__(self, pool: asyncpg.Pool, programs: Sequence[str]) -> None:
        self.programs = tuple(programs)
        self._pool = pool
        self._listeners: set[Listener] = set()
        self._reached: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the database, through its outages, until `stop` is set; then all are dropped."""
        try:
            await asyncio.gather(
                until_stopped(stop, through_outages("event feed", self._follow, RETRY_S)),
                until_stopped(stop, through_outages("payments", self._follow_payments, RETRY_S)),
            )
        finally:
            for listener in self._listeners:
                listener.dropped.set()

    @contextlib.contextmanager
    def listen(self) -> Iterator[Listener]:
        """Yield a listener, who gets every event that is committed from now on.

        Raises:
            Problem: 503, too many listen already.
        """
        if len(self._listeners) >= MAX_LISTENERS:
            raise unavailable("TooManyStreams", "too many clients listen already: try again later")
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def _follow(self) -> None:
        async with listening(self._pool, EVENTS) as announcements:
            if not self._reached:
                self._reached = await newest_events(self._pool, self.programs)
            while True:
                await self._pass_on()
                await announcements.wait()

    async def _follow_payments(self) -> None:
        async with listening(self._pool, PAYMENTS) as announcements:
            while True:
                if await announcements.wait():
                    for listener in self._listeners:
                        listener.put(None)

    async def _pass_on(self) -> None:
        while entries := await events_after(self._pool, self._reached, AT_ONCE):
            self._reached |= {entry.event.program: entry.event.sequence for entry in entries}
            for listener in self._listeners:
                listener.put(entries)
