"""Settlement is killed at every step, and the next process mints each reading once."""

import asyncio
import math
import signal
import sys
from pathlib import Path

import pytest
from tests.hub.onchain import KWH, Device, World, running
from tests.hub.settlement.doomed import SETTLING_MOMENTS, TABLE_MOMENTS

ENOUGH_FOR_TWO_STEPS = 6
"""With so many meters a new table is not filled by the transaction that makes it."""


async def kill_at(moment: str, world: World, database_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("doomed.py")),
        moment,
        database_url,
        world.chain.rpc_url,
        str(world.chain.keys_folder),
        str(world.table_authority),
    )
    assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGKILL


async def expire(world: World) -> None:
    """What died with the process can never arrive: its blockhash dies, only later."""
    await world.pool.execute(
        "UPDATE settlements SET last_valid_block_height = 0 WHERE status = 'sent'"
    )


async def all_are_minted_once(
    world: World, devices: list[Device], kwh: int = 12, *, into_table: bool = False
) -> None:
    async with running(world.indexer(), world.settlement()):
        for device in devices:
            await world.states_become(device, *["settled"] * (device.sequence - 1))
        await world.agrees_with_chain()
        if into_table:
            await world.shelved(devices)
    assert [await world.energy_of(device.owner) for device in devices] == [kwh * KWH] * len(devices)


@pytest.mark.parametrize("moment", SETTLING_MOMENTS)
@pytest.mark.parametrize("count", [1, ENOUGH_FOR_TWO_STEPS])
async def test_killed_while_it_settles(
    world: World, database_url: str, moment: str, count: int
) -> None:
    devices = await world.devices(count)
    await world.read(devices, 4, seconds_ago=1800)
    await all_are_minted_once(world, devices, 4, into_table=count == ENOUGH_FOR_TWO_STEPS)
    await world.read(devices, 8)

    await kill_at(moment, world, database_url)

    rows = [(await world.rows(device))[1] for device in devices]
    expected = "pending" if moment == "settlement prepared" else "sent"
    assert {row["status"] for row in rows} == {expected}
    if moment == "settlement noted":
        await expire(world)
    await all_are_minted_once(world, devices)
    for device in devices:
        assert (await world.rows(device))[1]["attempts"] == 1 + (moment == "settlement noted")
    transactions = {(await world.rows(device))[1]["tx_signature"] for device in devices}
    assert len(transactions) == math.ceil(count / 3)


async def test_what_may_still_arrive_is_not_sent_anew(world: World, database_url: str) -> None:
    (device,) = await world.devices(1)
    await world.read([device], 12)
    await kill_at("settlement noted", world, database_url)

    async with running(world.indexer(), world.settlement()):
        await asyncio.sleep(0.3)  # that nothing happens has no event
        assert await world.states(device) == ["sent"]


@pytest.mark.parametrize("moment", TABLE_MOMENTS)
async def test_killed_while_it_makes_a_lookup_table(
    world: World, database_url: str, moment: str
) -> None:
    """The next process takes the table up where it was left, the next time it has need of it."""
    devices = await world.devices(ENOUGH_FOR_TWO_STEPS)
    await world.read(devices, 4, seconds_ago=1800)
    await kill_at(moment, world, database_url)
    noted = [row["address"] for row in await world.pool.fetch("SELECT address FROM lookup_tables")]
    assert len(noted) == (moment != "table chosen")
    assert len(await world.lookup_tables()) == (moment in {"table made", "table extended"})

    await all_are_minted_once(world, devices, 4)
    await world.read(devices, 8)
    await all_are_minted_once(world, devices, into_table=True)

    (table,) = await world.lookup_tables()
    assert [str(table.address)] == noted or not noted
    assert len(table.addresses) == 5 + 3 * len(devices)
    assert len(set(table.addresses)) == len(table.addresses)


async def test_killed_with_a_table_that_the_database_forgets(
    world: World, database_url: str
) -> None:
    devices = await world.devices(ENOUGH_FOR_TWO_STEPS)
    await world.read(devices, 4, seconds_ago=1800)
    await kill_at("table made", world, database_url)
    await world.pool.execute("DELETE FROM lookup_tables")

    await all_are_minted_once(world, devices, 4)
    await world.read(devices, 8)
    await all_are_minted_once(world, devices, into_table=True)

    assert len(await world.lookup_tables()) == 1
