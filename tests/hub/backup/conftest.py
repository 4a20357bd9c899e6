"""A hub on the chain, an empty database, and the household side of both."""

import itertools
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.hub.onchain import World, chain, world

from gridtokenx_hub.database import ensure_partitions
from gridtokenx_hub.wallets import WalletVault

from .hubs import Hub

__all__ = ["chain", "world"]

_numbers = itertools.count(1)


@pytest.fixture
async def hub(world: World, database_url: str, tmp_path: Path) -> Hub:
    """The hub of the world's database."""
    await ensure_partitions(world.pool, 0)
    return Hub.make(tmp_path / "hub", database_url, world.chain.rpc_url)


@pytest.fixture
def vault(world: World, hub: Hub) -> WalletVault:
    return WalletVault(world.pool, hub.folder / "keys" / "wallets.seed")


@pytest.fixture
async def spare(hub: Hub, postgres_url: str) -> AsyncIterator[Hub]:
    """The same hub on another machine: its keys are there, its database is empty."""
    name = f"spare_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(f"{postgres_url}/postgres")
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield hub.beside("spare", f"{postgres_url}/{name}")
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
