"""The hub's socket, and the way to it that can be cut."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn


class Door:
    """Stands before the app; kills the installer at a request, before or after it is served.

    Or refuses a request once, as the chain would on another day.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.port = 0
        self.installer: asyncio.subprocess.Process | None = None
        self.cut: tuple[str, str] | None = None
        self.refuse: tuple[str, str] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.refuse is not None and scope["path"].endswith(self.refuse[0]):
            problem = json.dumps({"error": self.refuse[1], "detail": "refused once"})
            self.refuse = None
            await send({"type": "http.response.start", "status": 409, "headers": []})
            await send({"type": "http.response.body", "body": problem.encode()})
            return
        if self.cut is None or not scope["path"].endswith(self.cut[1]):
            await self.app(scope, receive, send)
            return
        assert self.installer is not None
        if self.cut[0] == "after":

            async def lose(_message: Any) -> None:
                """The answer never arrives."""

            await self.app(scope, receive, lose)
        self.installer.kill()
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Server(uvicorn.Server):
    """Leaves signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(door: Door) -> AsyncIterator[None]:
    server = Server(uvicorn.Config(door, port=0, lifespan="off", log_config=None, access_log=False))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.001)
    door.port = server.servers[0].sockets[0].getsockname()[1]
    yield
    server.should_exit = True
    await running
