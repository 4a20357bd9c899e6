"""The app behind a real server, in this process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from hub_world import HubWorld

from gridtokenx_hub.api.http.connections import ImpatientProtocol


class Server(uvicorn.Server):
    """Leaves signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(world: HubWorld) -> AsyncIterator[int]:
    """The port at which the app answers."""
    server = Server(
        uvicorn.Config(
            world.app,
            port=0,
            http=ImpatientProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
        )
    )
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.001)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running
