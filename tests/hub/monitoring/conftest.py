"""The API's own world: a hub in this process over a real chain, database and broker's port."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

# pytest's importlib mode leaves sys.path alone; the API's tests have the world.
sys.path.insert(0, str(Path(__file__).parent.parent / "api"))

from hub_world import HubWorld, open_world

from gridtokenx_hub.broker.settings import BrokerSettings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubWorld]:
    """A hub whose broker's port somebody answers."""
    async with open_world(postgres_url, tmp_path_factory.mktemp("hub")) as opened:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with opened.having(broker=BrokerSettings("127.0.0.1", port, None)):
                yield opened
