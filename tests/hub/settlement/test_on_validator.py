"""Settlement on a real validator: tables, shared transactions, and a verdict on one of three."""

from pathlib import Path

import asyncpg
import pytest
from tests.hub.chain import validator
from tests.hub.onchain import KWH, Chain, World, program_files, running, set_up, world_on

pytestmark = pytest.mark.skipif(
    validator.find() is None,
    reason="no solana-test-validator on PATH or in the folder that GTX_SOLANA_BIN names",
)


async def test_six_meters(pool: asyncpg.Pool, tmp_path: Path) -> None:
    binary = validator.find()
    assert binary is not None
    programs = program_files(tmp_path)
    async with validator.running(binary, tmp_path / "ledger", programs) as rpc_url:
        chain = Chain(rpc_url, tmp_path / "keys")
        await set_up(chain)
        async with world_on(chain, pool) as world:
            await settle_six_meters(world)


async def settle_six_meters(world: World) -> None:
    devices = await world.devices(6)
    await world.read(devices, 4, seconds_ago=1800)
    async with running(world.indexer(), world.settlement()):
        for device in devices:
            await world.states_become(device, "settled")
        await world.shelved(devices)
        (table,) = await world.lookup_tables()
        assert len(table.addresses) == 5 + 3 * 6

        # Not just now: on a busy machine this chain's clock falls behind by more than a minute.
        await world.read(devices[:1], 50, seconds_ago=600)  # the meter's limit is 20 kW
        await world.read(devices[1:], 3, seconds_ago=600)
        for device, state in zip(devices, ["refused", *["settled"] * 5], strict=True):
            await world.states_become(device, "settled", state)
        await world.agrees_with_chain()

    newest = [(await world.rows(device))[1] for device in devices]
    assert newest[0]["error"] == "ExportLimitExceeded"
    assert 2 <= len({row["tx_signature"] for row in newest}) <= 3
    energies = [await world.energy_of(device.owner) for device in devices]
    assert energies == [4 * KWH, *[7 * KWH] * 5]
    assert await world.lookup_tables() == [table]
