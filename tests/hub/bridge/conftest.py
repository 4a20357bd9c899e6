"""Fixtures of the bridge's tests: anvil with the real contracts."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gridtokenx_hub.bridge.evm_client import EvmClient

# pytest's importlib mode leaves sys.path alone; the programs' tests lend their node.
sys.path.insert(0, str(Path(__file__).parents[2] / "programs"))

if TYPE_CHECKING:
    from tests.hub.bridge.evm_world import EvmWorld


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
