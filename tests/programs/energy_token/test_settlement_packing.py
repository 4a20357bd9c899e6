"""energy-token: how many settlements, each with its proof, fit into one transaction."""

import struct

import pytest
from grid import KWH, Grid, Site
from harness import START, Device, World, p256_device
from solders.address_lookup_table_account import (
    ADDRESS_LOOKUP_TABLE_ID,
    AddressLookupTable,
    AddressLookupTableAccount,
    derive_lookup_table_address,
)
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import Transaction, VersionedTransaction
from solders.transaction_metadata import TransactionMetadata

MAX_TRANSACTION_SIZE = 1232
MINTED = 3 * KWH // 2


def settlements(sites: list[Site]) -> list[Instruction]:
    """A compute limit, and the next settlement of each meter, its proof directly before it."""
    return [
        set_compute_unit_limit(6_000 * len(sites) + 300),
        *(
            part
            for site in sites
            for part in (site.device.proof(site.reading()), site.instruction())
        ),
    ]


@pytest.mark.parametrize("algorithm", [0, 1], ids=["ed25519", "p256"])
def test_two_fit_a_legacy_transaction(grid: Grid, algorithm: int) -> None:
    world, sites = grid.world, [grid.site(Device(algorithm)) for _ in range(2)]
    message = Message(settlements(sites), world.payer.pubkey())
    transaction = Transaction([world.payer], message, world.svm.latest_blockhash())
    assert len(bytes(transaction)) <= MAX_TRANSACTION_SIZE
    result = world.svm.send_transaction(transaction)
    assert isinstance(result, TransactionMetadata), result
    assert [world.balance(site.token) for site in sites] == [MINTED] * 2


def test_three_fit_a_transaction_with_a_lookup_table(grid: Grid) -> None:
    world, sites = grid.world, [grid.site(p256_device()) for _ in range(3)]
    addresses = {
        meta.pubkey for site in sites for meta in site.instruction().accounts
    } - {world.energy_token.id}  # fmt: skip
    table = lookup_table(world, sorted(addresses, key=bytes))
    message = MessageV0.try_compile(
        world.payer.pubkey(), settlements(sites), [table], world.svm.latest_blockhash()
    )
    transaction = VersionedTransaction(message, [world.payer])
    assert len(bytes(transaction)) <= MAX_TRANSACTION_SIZE
    result = world.svm.send_transaction(transaction)
    assert isinstance(result, TransactionMetadata), result
    assert [world.balance(site.token) for site in sites] == [MINTED] * 3


def lookup_table(world: World, addresses: list[Pubkey]) -> AddressLookupTableAccount:
    """A table that the runtime's own program made in a slot before the one it is used in."""
    slot, payer = 100, world.payer.pubkey()
    go_to_slot(world, slot + 1)
    table, bump = derive_lookup_table_address(payer, slot)
    metas = [
        AccountMeta(table, is_signer=False, is_writable=True),
        AccountMeta(payer, is_signer=True, is_writable=False),
        AccountMeta(payer, is_signer=True, is_writable=True),
        AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
    ]
    create = struct.pack("<IQB", 0, slot, bump)
    extend = struct.pack("<IQ", 2, len(addresses)) + b"".join(map(bytes, addresses))
    world.send(
        Instruction(ADDRESS_LOOKUP_TABLE_ID, create, metas),
        Instruction(ADDRESS_LOOKUP_TABLE_ID, extend, metas),
    )
    go_to_slot(world, slot + 2)
    assert AddressLookupTable.deserialize(world.data(table)).addresses == addresses
    return AddressLookupTableAccount(table, addresses)


def go_to_slot(world: World, slot: int) -> None:
    """Move on; the time stays, and the slots before get hashes."""
    world.svm.warp_to_slot(slot)
    world.svm.set_slot_hashes([(before, Hash.new_unique()) for before in range(slot - 1, 98, -1)])
    world.set_time(START)
