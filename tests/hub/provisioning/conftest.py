"""The whole hub of the API's tests, with a registrar beside it."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

# pytest's importlib mode leaves sys.path alone; tests here share modules beside them and the API's.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "api"))

from hub_world import HubWorld, open_world

from gridtokenx_hub.api.access.wrong_codes import WrongCodes


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubWorld]:
    """One hub for all tests: each makes users and codes of its own."""
    async with open_world(postgres_url, tmp_path_factory.mktemp("hub")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def unheard(world: HubWorld) -> Iterator[None]:
    """Nobody has tried a wrong code before."""
    with world.having(wrong_codes=WrongCodes()):
        yield
