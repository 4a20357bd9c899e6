"""Serves the API, or the metrics of a process without it, until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette

from gridtokenx_hub.api import ApiContext, create_app
from gridtokenx_hub.api.http.connections import ImpatientProtocol
from gridtokenx_hub.commands.context import HubError

# Connections beyond these are answered 503 at once: slow clients must not take all file handles.
API_CONNECTIONS = 1_000
METRICS_CONNECTIONS = 32


def listen(what: str, host: str, port: int, remedy: str) -> socket.socket:
    """Open the port at which something is to be served.

    Raises:
        HubError: somebody else has it, or there is no such address; it ends with the remedy.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise HubError(
            f"{what} cannot be served at {host} port {port}: {error.strerror}; {remedy}"
        ) from error


async def serve(
    context: ApiContext, listener: socket.socket, stop: asyncio.Event, ready: Callable[..., Any]
) -> None:
    """Serve the API on an open socket until `stop`; announce it once it answers."""
    address = context.settings
    server = _server(create_app(context), API_CONNECTIONS)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    ready(url=f"http://{address.host}:{address.port}")
    await stop.wait()
    server.should_exit = True
    await serving
    if context.bridge is not None:
        await context.bridge.aclose()


async def serve_metrics(
    app: Starlette, listener: socket.socket, stop: asyncio.Event, ready: Callable[..., Any]
) -> None:
    """Serve `monitoring.endpoint` on an open socket until `stop`; announce where."""
    server = _server(app, METRICS_CONNECTIONS)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    host, port, *_ = listener.getsockname()
    ready(metrics=f"http://{host}:{port}/metrics")
    await stop.wait()
    server.should_exit = True
    await serving


def _server(app: Starlette, connections: int) -> "_Server":
    return _Server(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=connections,
        )
    )


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
