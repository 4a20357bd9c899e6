"""Serves the API until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from gridtokenx_hub.api import ApiContext, create_app
from gridtokenx_hub.api.connections import ImpatientProtocol

# Connections beyond these are answered 503 at once: slow clients must not take all file handles.
API_CONNECTIONS = 1_000


async def serve(context: ApiContext, stop: asyncio.Event, ready: Callable[..., Any]) -> None:
    """Serve the API until `stop`; announce it once it answers."""
    address = context.settings
    listener = socket.create_server((address.host, address.port))
    server = _Server(
        uvicorn.Config(
            create_app(context),
            http=ImpatientProtocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=API_CONNECTIONS,
        )
    )
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    ready(url=f"http://{address.host}:{address.port}")
    await stop.wait()
    server.should_exit = True
    await serving
    if context.bridge is not None:
        await context.bridge.aclose()


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
