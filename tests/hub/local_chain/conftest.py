"""One local chain for the tests that do not stop it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from gridtokenx_hub.chain.rpc import RpcConnection

from . import harness


@pytest.fixture(scope="session")
def chain_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a chain without programs of ours, which all tests share."""
    process = harness.ChainProcess(tmp_path_factory.mktemp("local-chain"))
    asyncio.run(process.start())
    try:
        yield process.url
    finally:
        assert process.stop() == 0


@pytest.fixture
async def rpc(chain_url: str) -> AsyncIterator[RpcConnection]:
    """Calls to that chain."""
    async with harness.connected(chain_url) as connection:
        yield connection
