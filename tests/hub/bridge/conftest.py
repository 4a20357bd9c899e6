"""A whole hub that sells for baht, over both chains; and an EVM chain without a hub."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

# pytest's importlib mode leaves sys.path alone; the hub and the chains are other tests' as well.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "api"))
sys.path.insert(0, str(Path(__file__).parents[2] / "programs"))

from hub_world import HubWorld, open_world

from gridtokenx_hub.bridge.evm_client import EvmClient

if TYPE_CHECKING:
    from baht_world import Baht
    from tests.hub.bridge.evm_world import EvmWorld


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubWorld]:
    """One hub for all tests: each makes users of its own."""
    async with open_world(postgres_url, tmp_path_factory.mktemp("hub")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def baht(world: HubWorld) -> "AsyncIterator[Baht]":
    """Its bridge, open for sales."""
    from baht_world import baht_beside  # noqa: PLC0415 - its modules lie on the path made above

    async with baht_beside(world) as beside:
        await beside.open()
        yield beside


@pytest.fixture(scope="module")
def evm() -> "Iterator[EvmWorld]":
    """An EVM chain with the bridge, whose buyer has THBC."""
    from tests.hub.bridge.evm_world import running_evm_world  # noqa: PLC0415 - needs the path

    with running_evm_world() as world:
        yield world


@pytest.fixture
async def client(evm: "EvmWorld") -> AsyncIterator[EvmClient]:
    client = EvmClient(evm.url, evm.bridge.chain_id)
    yield client
    await client.close()
