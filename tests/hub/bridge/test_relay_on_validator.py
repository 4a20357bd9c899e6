"""A payment in baht with the energy on a real Solana validator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hub_world import open_world
from relay_world import all_moves_to_the_last_unit, relaying
from tests.hub.chain import validator
from tests.hub.onchain import program_files

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        validator.find() is None,
        reason="no solana-test-validator on PATH or in the folder that GTX_SOLANA_BIN names",
    ),
]

TICKS_PER_SLOT = 16


@asynccontextmanager
async def real_chain(folder: Path) -> AsyncIterator[str]:
    """A validator with slots of 100 ms."""
    binary = validator.find()
    assert binary is not None
    ledger, programs = folder / "ledger", program_files(folder)
    async with validator.running(binary, ledger, programs, TICKS_PER_SLOT) as url:
        yield url


async def test_a_payment_brings_energy_and_then_the_treasury_its_baht(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with (
        open_world(postgres_url, tmp_path_factory.mktemp("hub"), chain=real_chain) as world,
        relaying(world, tmp_path_factory.mktemp("guardians")) as relay,
    ):
        await all_moves_to_the_last_unit(relay)
