"""Address lookup tables on the local chain and on a validator alike."""

import asyncio

import pytest
from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from tests.hub.local_chain import harness

from gridtokenx_hub.chain import AccountInfo, ChainClient, TransactionRefused, TransactionSender
from gridtokenx_hub.chain.lookup_tables import (
    AUTHORITY_OFFSET,
    MAX_ADDRESSES_AT_ONCE,
    LookupTable,
    create_table,
    decode_table,
    extend_table,
    table_address,
)

from .conftest import make_sender
from .transfers import transfer_to

SOL = harness.SOL
UNITS = 50_000
FREEZE, DEACTIVATE = 1, 3


async def make(
    client: ChainClient, sender: TransactionSender, authority: Keypair, held: list[Pubkey]
) -> LookupTable:
    slot, key = await client.final_slot(), authority.pubkey()
    address = table_address(key, slot)
    await sender.send(
        lambda payer: [
            create_table(key, payer, slot),
            extend_table(address, key, payer, held),
        ],
        [authority],
        compute_units=UNITS,
    )
    return await read(client, address)


async def read(client: ChainClient, address: Pubkey) -> LookupTable:
    table = decode_table(address, await client.account(address))
    assert table is not None
    return table


async def passed(client: ChainClient, slot: int) -> int:
    """Wait until a slot is behind us."""
    async with asyncio.timeout(30):
        while (now := await client.slot()) <= slot:  # noqa: ASYNC110 - only the chain knows
            await asyncio.sleep(0.05)
    return now


async def change(sender: TransactionSender, table: LookupTable, by: Keypair, what: int) -> None:
    metas = [
        AccountMeta(table.address, is_signer=False, is_writable=True),
        AccountMeta(by.pubkey(), is_signer=True, is_writable=False),
    ]
    instruction = Instruction(LOOKUP_TABLE_PROGRAM, what.to_bytes(4, "little"), metas)
    await sender.send([instruction], [by], compute_units=UNITS)


async def test_made_filled_and_used(any_client: ChainClient) -> None:
    """As many addresses as one transaction takes beside the creation, then some more."""
    sender, authority = await make_sender(any_client, payers=1), Keypair()
    first = [Keypair().pubkey() for _ in range(MAX_ADDRESSES_AT_ONCE)]
    table = await make(any_client, sender, authority, first)
    assert (table.addresses, table.authority) == (tuple(first), authority.pubkey())
    assert table.is_active
    await passed(any_client, table.last_extended_slot)
    await sender.send(
        lambda payer: [extend_table(table.address, authority.pubkey(), payer, [SYSTEM_PROGRAM])],
        [authority],
        compute_units=UNITS,
    )
    table = await read(any_client, table.address)
    assert table.addresses == (*first, SYSTEM_PROGRAM)
    assert table.extended_from == len(first)

    usable = table.usable_at(await passed(any_client, table.last_extended_slot))
    prepared = await sender.prepare(
        transfer_to(first[0], SOL), compute_units=1_000, tables=[usable]
    )
    assert bytes(first[0]) not in prepared.raw
    await sender.deliver(prepared)
    assert await any_client.balance(first[0]) == SOL


async def test_found_by_its_authority(any_client: ChainClient) -> None:
    sender, authority = await make_sender(any_client, payers=1), Keypair()
    table = await make(any_client, sender, authority, [SYSTEM_PROGRAM])
    found = await any_client.program_accounts(
        LOOKUP_TABLE_PROGRAM, AUTHORITY_OFFSET, bytes(authority.pubkey())
    )
    assert [decode_table(*each) for each in found] == [table]


async def test_frozen_and_deactivated(any_client: ChainClient) -> None:
    sender, authority = await make_sender(any_client, payers=1), Keypair()
    table = await make(any_client, sender, authority, [SYSTEM_PROGRAM])
    await change(sender, table, authority, DEACTIVATE)
    assert not (await read(any_client, table.address)).is_active

    other = Keypair()
    table = await make(any_client, sender, other, [SYSTEM_PROGRAM])
    await change(sender, table, other, FREEZE)
    assert (await read(any_client, table.address)).authority is None


async def test_no_table_is_made_of_an_old_slot(client: ChainClient) -> None:
    sender, authority = await make_sender(client, payers=1), Keypair()
    with pytest.raises(TransactionRefused) as refused:
        await sender.send(
            lambda payer: [create_table(authority.pubkey(), payer, 2**32)],
            [authority],
            compute_units=UNITS,
        )
    assert refused.value.instruction == 1


def test_what_came_last_is_usable_from_the_next_slot_on() -> None:
    one, two = Pubkey.new_unique(), Pubkey.new_unique()
    table = LookupTable(one, one, True, 7, 1, (one, two))
    assert table.usable_at(7).addresses == [one]
    assert table.usable_at(8).addresses == [one, two]


@pytest.mark.parametrize(
    ("owner", "data"),
    [(SYSTEM_PROGRAM, bytes(56)), (LOOKUP_TABLE_PROGRAM, bytes(56)), (LOOKUP_TABLE_PROGRAM, b"")],
)
def test_what_is_no_table(owner: Pubkey, data: bytes) -> None:
    assert decode_table(owner, None) is None
    assert decode_table(owner, AccountInfo(1, owner, data, executable=False)) is None
