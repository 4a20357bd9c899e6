"""Events to one client as server-sent events (WHATWG HTML, 9.2), from where it left off.

An event's id says how far the stream is in each program: `energy_token:40,registry:12,trading:99`.
Whoever comes back with it misses none and gets none twice.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable

import asyncpg
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gridtokenx_hub.api.events.feed import AT_ONCE, EventFeed, Listener
from gridtokenx_hub.api.events.log import Entry, Viewer, events_after, newest_events
from gridtokenx_hub.api.http.exact_json import dumps
from gridtokenx_hub.api.http.problems import Problem

HEARTBEAT_S = 15.0
MAX_ID_LENGTH = 200
PLACE = re.compile(r"([a-z_]{1,20}):([0-9]{1,18})")

PAYMENTS_CHANGED = "event: PaymentsChanged\ndata: {}\n\n"
"""Of some payment in baht: whoever waits for one asks for it. It has no id, and is not repeated."""

StillMaySee = Callable[[], Awaitable[Viewer]]
"""Asks anew, now and then, what the client may see; raises `Problem` when its token has ended."""


def read_id(text: str, programs: Iterable[str]) -> dict[str, int]:
    """Return how far a stream was, by program.

    Raises:
        Problem: 422, no id of ours.
    """
    places = [PLACE.fullmatch(part) for part in text[:MAX_ID_LENGTH].split(",")]
    reached = {place[1]: int(place[2]) for place in places if place}
    if len(reached) != len(places) or reached.keys() != set(programs):
        raise Problem(422, "InvalidEventId", "send the id of an event of this stream, unchanged")
    return reached


def write_id(reached: dict[str, int]) -> str:
    """Return the id that says how far a stream is."""
    return ",".join(f"{program}:{reached[program]}" for program in sorted(reached))


class EventStream(Response):
    """The response that goes on until the client leaves, is too slow, or may not listen any more.

    Args:
        pool: the hub's database.
        feed: where new events come from.
        may_see: what the client may see.
        reached: from where on, None for from now on.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        pool: asyncpg.Pool,
        feed: EventFeed,
        may_see: StillMaySee,
        reached: dict[str, int] | None,
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.headers["X-Accel-Buffering"] = "no"
        self._pool = pool
        self._feed = feed
        self._may_see = may_see
        self._reached = reached

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the client to the end."""
        del scope
        with self._feed.listen() as listener:
            parts = [
                asyncio.ensure_future(part)
                for part in (self._send(listener, send), _gone(receive), listener.dropped.wait())
            ]
            try:
                done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for part in parts:
                    part.cancel()
                await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            part.result()

    async def _send(self, listener: Listener, send: Send) -> None:
        viewer = await self._may_see()
        reached = self._reached or await newest_events(self._pool, self._feed.programs)
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        await send(_body(": connected\n\n"))
        while missed := await events_after(self._pool, reached, AT_ONCE):
            await send(_body(_new(missed, reached, viewer)))
        while True:
            entries = await listener.next(HEARTBEAT_S)
            if entries is None:
                await send(_body(PAYMENTS_CHANGED))
                continue
            if entries:
                await send(_body(_new(entries, reached, viewer)))
                continue
            await send(_body(": still here\n\n"))
            try:
                viewer = await self._may_see()
            except Problem:
                await send({"type": "http.response.body", "body": b""})
                return


def _new(entries: Iterable[Entry], reached: dict[str, int], viewer: Viewer) -> str:
    """Return what is beyond `reached`, which moves on, and is for the viewer, as text."""
    text = []
    for entry in entries:
        event = entry.event
        if event.sequence <= reached[event.program]:
            continue
        reached[event.program] = event.sequence
        if viewer.may_see(entry):
            data = dumps(event.content())
            text.append(f"id: {write_id(reached)}\nevent: {event.name}\ndata: {data}\n\n")
    return "".join(text)


def _body(text: str) -> dict[str, object]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
