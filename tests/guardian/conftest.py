"""Fixtures of the guardians' tests. The programs' tests lend them their market."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
