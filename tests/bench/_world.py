"""What the benchmarks of settlement and indexer begin with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.hub.conftest import reachable_folder
from tests.hub.onchain import ADDRESSES, Chain, World, connected, make_sender, set_up

from gridtokenx_hub.database import EmbeddedPostgres, migrate, open_pool
from gridtokenx_hub.deployment import join_deployment
from gridtokenx_protocol.deployment import deployment_id


@asynccontextmanager
async def fresh_database() -> AsyncIterator[str]:
    """A server of its own, with fsync as it is in earnest."""
    with reachable_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", {})
        try:
            yield await server.start()
        finally:
            await server.stop()


@asynccontextmanager
async def opened_world(url: str, chain: Chain) -> AsyncIterator[World]:
    """The programs set up on a chain, and an empty database that belongs to them."""
    await set_up(chain)
    async with connected(chain.rpc_url) as client, await open_pool(url) as pool:
        await migrate(pool)
        genesis_hash = bytes(await client.genesis_hash())
        deployment = deployment_id(genesis_hash, bytes(ADDRESSES.registry))
        await join_deployment(pool, deployment)
        yield World(chain, pool, client, make_sender(client, chain.keys), deployment)
