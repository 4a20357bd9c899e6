"""Sources as they are in the world: HTTP servers that tell rates, lie, stall and ramble."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A real HTTP server; `answers` says what is at each path."""

    url: str = ""
    answers: dict[str, bytes | Handler] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def at(self, path: str, answer: bytes | Handler) -> str:
        """Answer so at a path; return its address."""
        self.answers[path] = answer
        return f"{self.url}{path}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        answer = self.answers[request.path]
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="application/json")
        return await answer(request)


async def stalls(request: web.Request) -> web.StreamResponse:
    """Begins to answer, and does not end."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"thb": ')
    await asyncio.Event().wait()
    return response
