"""A whole hub for the API's tests: real chain with the real programs, real database, real app."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

# pytest's importlib mode leaves sys.path alone; tests here share one module beside them.
sys.path.insert(0, str(Path(__file__).parent))

from crashes import Crash
from hub_world import HubWorld, open_world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubWorld]:
    """One hub for all tests: each makes users of its own."""
    async with open_world(postgres_url, tmp_path_factory.mktemp("hub")) as opened:
        yield opened


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Crash:
    """How the hub dies."""
    return Crash(monkeypatch)
