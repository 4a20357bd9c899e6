"""What the oracle's tests share: a server for sources, a session, a chain."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from tests.hub.onchain import chain, world
from tests.hub.oracle.servers import Server

from gridtokenx_hub.oracle.sources import open_session

__all__ = ["chain", "world"]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    # Handlers that wait for ever end with their connection.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session
