"""The lookup tables of settlement on a real chain: made, filled, kept, found again, replaced."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from tests.hub.onchain import KWH, PROGRAMS, Device, World, running, until

from gridtokenx_hub.chain import (
    ChainClient,
    FeePayerPool,
    PreparedTransaction,
    RequestRefused,
    TransactionRefused,
    TransactionSender,
)
from gridtokenx_hub.settlement.tables import SettlementTables

FREEZE, DEACTIVATE = 1, 3


async def settle(world: World, devices: Sequence[Device], sender: Any = None) -> int:
    """Have all readings that wait settled; return in how many transactions the newest were."""
    async with running(world.indexer(), world.settlement(sender)):
        for device in devices:
            await world.states_become(device, *["settled"] * (device.sequence - 1))
        await world.agrees_with_chain()
        if sender is None and len(devices) > 2:
            await world.shelved(devices)
    newest = [(await world.rows(device))[-1] for device in devices]
    return len({row["tx_signature"] for row in newest})


async def noted(world: World) -> set[str]:
    return {row["address"] for row in await world.pool.fetch("SELECT address FROM lookup_tables")}


async def are_noted(world: World, count: int) -> bool:
    return len(await noted(world)) == count


async def test_six_meters_take_two_transactions_and_one_table_day_after_day(world: World) -> None:
    devices = await world.devices(6)
    await world.read(devices, 4, seconds_ago=1800)
    assert await settle(world, devices) == 3  # nobody waits for the table
    (table,) = await world.lookup_tables()
    assert await noted(world) == {str(table.address)}
    assert len(table.addresses) == 5 + 3 * 6

    await world.read(devices, 3)
    assert await settle(world, devices) == 2

    assert await world.lookup_tables() == [table]
    assert [await world.energy_of(device.owner) for device in devices] == [7 * KWH] * 6
    positions = [(await world.rows(device))[-1]["tx_position"] for device in devices]
    assert sorted(positions) == [0, 0, 1, 1, 2, 2]


async def test_one_or_two_do_without_a_table(world: World) -> None:
    devices = await world.devices(2)
    for device in devices:
        await world.open_ledger(device)
    await world.read(devices, 4)
    assert await settle(world, devices) == 1
    assert await world.lookup_tables() == []


async def test_new_meters_are_added_to_the_table_that_has_room(world: World) -> None:
    first = await world.devices(3)
    await world.read(first, 4)
    await settle(world, first)
    later = await world.devices(3)
    await world.read(later, 4)
    await settle(world, later)

    (table,) = await world.lookup_tables()
    assert len(table.addresses) == 5 + 3 * 6


async def test_a_table_that_the_database_forgot_is_found_on_chain(world: World) -> None:
    devices = await world.devices(3)
    await world.read(devices, 4, seconds_ago=1800)
    await settle(world, devices)
    (table,) = await world.lookup_tables()
    await world.pool.execute("DELETE FROM lookup_tables")

    await world.read(devices, 3, seconds_ago=900)
    assert await settle(world, devices) == 2
    await world.read(devices, 3)
    assert await settle(world, devices) == 1

    assert await world.lookup_tables() == [table]
    assert await noted(world) == {str(table.address)}


async def test_a_node_that_does_not_search_costs_a_new_table(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> Any:
        raise RequestRefused(-32010, "excluded from account secondary indexes")

    devices = await world.devices(3)
    await world.read(devices, 4, seconds_ago=1800)
    await settle(world, devices)
    await world.pool.execute("DELETE FROM lookup_tables")

    await world.read(devices, 3)
    with monkeypatch.context() as patch:
        patch.setattr(ChainClient, "program_accounts", refuse)
        async with running(world.indexer(), world.settlement()):
            for device in devices:
                await world.states_become(device, "settled", "settled")
            await until(partial(are_noted, world, 1))
    await world.shelved(devices)

    assert len(await world.lookup_tables()) == 2


@pytest.mark.parametrize("change", [FREEZE, DEACTIVATE], ids=["frozen", "deactivated"])
async def test_a_table_that_was_frozen_or_deactivated_is_replaced(
    world: World, change: int
) -> None:
    devices = await world.devices(3)
    await world.read(devices, 4, seconds_ago=1800)
    await settle(world, devices)
    (spoilt,) = await world.lookup_tables()
    metas = [
        AccountMeta(spoilt.address, is_signer=False, is_writable=True),
        AccountMeta(world.table_authority.pubkey(), is_signer=True, is_writable=False),
    ]
    changing = Instruction(LOOKUP_TABLE_PROGRAM, change.to_bytes(4, "little"), metas)
    await world.sender.send([changing], [world.table_authority])

    await world.read(devices, 3, seconds_ago=900)
    assert await settle(world, devices) == 2
    await world.read(devices, 3)
    assert await settle(world, devices) == 1

    (address,) = await noted(world)
    assert address != str(spoilt.address)
    assert len(await world.lookup_tables()) == (1 if change == FREEZE else 2)


async def test_a_second_table_waits_for_another_final_slot(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_still = await world.client.final_slot()

    async def final_slot(_: ChainClient) -> int:
        return stands_still

    tables = SettlementTables(world.client, world.sender, world.table_authority, ())
    first, second = ([Pubkey.new_unique() for _ in range(200)] for _ in range(2))
    async with world.pool.acquire() as connection:
        with monkeypatch.context() as patch:
            patch.setattr(ChainClient, "final_slot", final_slot)
            await tables.fill(connection, {1: first})
            await tables.fill(connection, {2: second})
        (made,) = await world.lookup_tables()
        assert set(made.addresses) == set(first)

        await until(partial(is_past, world, stands_still))
        await tables.fill(connection, {2: second})
    assert {frozenset(table.addresses) for table in await world.lookup_tables()} == {
        frozenset(first),
        frozenset(second),
    }


async def is_past(world: World, slot: int) -> bool:
    return await world.client.final_slot() > slot


async def test_a_note_of_a_table_that_was_never_made_is_dropped(world: World) -> None:
    never = Pubkey.new_unique()
    devices = await world.devices(3)
    ledgers = [str(world.addresses.ledger(device.meter_id)) for device in devices]
    await world.pool.execute("INSERT INTO lookup_tables VALUES ($1, -600, $2)", str(never), ledgers)
    await world.read(devices, 4)
    await settle(world, devices)

    (table,) = await world.lookup_tables()
    assert await noted(world) == {str(table.address)}


async def test_a_chain_that_refuses_tables_settles_without(world: World) -> None:
    class NoTables(TransactionSender):
        async def prepare(
            self, instructions: Any, signers: Sequence[Any] = (), **options: Any
        ) -> PreparedTransaction:
            if world.table_authority in signers:
                raise TransactionRefused(LOOKUP_TABLE_PROGRAM, 1, "Custom1", "no")
            return await super().prepare(instructions, signers, **options)

    devices = await world.devices(3)
    await world.read(devices, 4)
    sender = NoTables(world.client, FeePayerPool(world.chain.keys.fee_payers), PROGRAMS)
    assert await settle(world, devices, sender) == 2
    assert await world.lookup_tables() == []
