"""A whole hub with its pages served, a Chromium, and households to look at."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

# pytest's importlib mode leaves sys.path alone; the hub and the browser are other tests' as well.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "api"))
sys.path.insert(0, str(Path(__file__).parents[1] / "explain"))
sys.path.insert(0, str(Path(__file__).parents[1] / "bridge"))
sys.path.insert(0, str(Path(__file__).parents[2] / "programs"))

from browser import chromium, served
from hub_world import HubWorld, open_world
from playwright.async_api import Browser
from stage import Stage, set_stage

from gridtokenx_hub.database import ensure_partitions
from gridtokenx_hub.deployment import join_deployment


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubWorld]:
    """One hub for all tests of pages in a browser."""
    async with open_world(postgres_url, tmp_path_factory.mktemp("hub")) as opened:
        await ensure_partitions(opened.pool, int(opened.context.clock().timestamp() * 1000))
        await join_deployment(opened.pool, opened.context.deployment.deployment)
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(world: HubWorld) -> Stage:
    """Households with meters, energy, orders and trades."""
    return await set_stage(world)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests."""
    async with chromium() as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hub_url(world: HubWorld) -> AsyncIterator[str]:
    """Where the hub's pages are served."""
    async with served(world.app) as url:
        yield url
