"""Lookup tables, as the runtime's own program makes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from solders.address_lookup_table_account import (
    ADDRESS_LOOKUP_TABLE_ID,
    AddressLookupTableAccount,
    derive_lookup_table_address,
)
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM


def lookup_table(
    payer: Pubkey, recent_slot: int, addresses: Sequence[Pubkey]
) -> tuple[AddressLookupTableAccount, list[Instruction]]:
    """A table with these addresses, and the instructions that make it."""
    table, bump = derive_lookup_table_address(payer, recent_slot)
    metas = [
        AccountMeta(table, is_signer=False, is_writable=True),
        AccountMeta(payer, is_signer=True, is_writable=False),
        AccountMeta(payer, is_signer=True, is_writable=True),
        AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
    ]
    create = struct.pack("<IQB", 0, recent_slot, bump)
    extend = struct.pack("<IQ", 2, len(addresses)) + b"".join(map(bytes, addresses))
    made = [Instruction(ADDRESS_LOOKUP_TABLE_ID, data, metas) for data in (create, extend)]
    return AddressLookupTableAccount(table, list(addresses)), made
