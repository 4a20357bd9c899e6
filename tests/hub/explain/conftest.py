"""A whole hub, and households behind it whose tokens are explained."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_SCRIPT

# pytest's importlib mode leaves sys.path alone; the hub of the API's tests is theirs as well.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "api"))

from browser import chromium, served
from houses import Case, settled_case
from hub_world import HubWorld, open_world
from playwright.async_api import Browser

from gridtokenx_hub.database import ensure_partitions
from gridtokenx_hub.deployment import join_deployment
from gridtokenx_protocol.keys import Algorithm


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubWorld]:
    """One hub for all tests: each makes users of its own."""
    async with open_world(postgres_url, tmp_path_factory.mktemp("hub")) as opened:
        now_ms = int(opened.context.clock().timestamp() * 1000)
        await ensure_partitions(opened.pool, now_ms)
        await join_deployment(opened.pool, opened.context.deployment.deployment)
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def case(world: HubWorld, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """One household that settled twice: the second is what is explained."""
    return await settled_case(world, tmp_path_factory.mktemp("house"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def p256_case(world: HubWorld, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The same with a key of P-256."""
    return await settled_case(world, tmp_path_factory.mktemp("house"), Algorithm.P256)


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


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, which looks for what keeps people from using a page."""
    return AXE_SCRIPT
