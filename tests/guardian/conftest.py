"""Fixtures of the guardians' tests. The programs' tests lend them their market."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.guardian.played import Played

from gridtokenx_guardian import keys
from gridtokenx_guardian.signing import state

# pytest's importlib mode leaves sys.path alone; the programs' tests share modules beside them.
sys.path.insert(0, str(Path(__file__).parents[1] / "programs"))

if TYPE_CHECKING:
    from tests.guardian.chains.world import Chains


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chains]":
    """One pair of chains for all tests: each has a reservation of its own."""
    from tests.guardian.chains.world import running_chains  # noqa: PLC0415 - starts with the path

    with running_chains(tmp_path_factory.mktemp("chains")) as chains:
        yield chains


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[Played]:
    state.create(tmp_path, keys.create(tmp_path))
    with closing(state.open_state(tmp_path, keys.load(tmp_path))) as connection:
        yield Played(tmp_path, connection)
