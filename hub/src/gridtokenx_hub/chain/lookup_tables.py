"""Address lookup tables: accounts that let a transaction name an address by one byte.

Layouts: Agave's `address-lookup-table-interface`, `instruction.rs` and `state.rs`.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.address_lookup_table_account import (
    LOOKUP_TABLE_MAX_ADDRESSES,
    AddressLookupTableAccount,
    derive_lookup_table_address,
)
from solders.address_lookup_table_account import AddressLookupTable as TableData
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from gridtokenx_hub.chain.types import AccountInfo

AUTHORITY_OFFSET = 22
"""Where a table that is not frozen has its authority: what a search by authority compares."""
CREATION_WINDOW_SLOTS = 512
"""A table's address comes from a slot; one older than this can make no table any more."""
MAX_ADDRESSES = LOOKUP_TABLE_MAX_ADDRESSES
MAX_ADDRESSES_AT_ONCE = 20
"""So many fit one transaction, beside the creation of their table."""

_CREATE, _EXTEND = 0, 2
_NEVER = 2**64 - 1


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A table as the chain has it; `authority` is None when it is frozen.

    The addresses from `extended_from` on came with the extension of `last_extended_slot`, and can
    be looked up from the slot after that one on.
    """

    address: Pubkey
    authority: Pubkey | None
    is_active: bool
    last_extended_slot: int
    extended_from: int
    addresses: tuple[Pubkey, ...]

    def usable_at(self, slot: int) -> AddressLookupTableAccount:
        """Return what a transaction that is tried or executed in `slot` may look up."""
        end = None if self.last_extended_slot < slot else self.extended_from
        return AddressLookupTableAccount(self.address, list(self.addresses[:end]))


def decode_table(address: Pubkey, account: AccountInfo | None) -> LookupTable | None:
    """Return the table at an address, None when there is none."""
    if account is None or account.owner != LOOKUP_TABLE_PROGRAM:
        return None
    try:
        table = TableData.deserialize(account.data)
    except ValueError:  # not initialised
        return None
    return LookupTable(
        address=address,
        authority=table.meta.authority,
        is_active=table.meta.deactivation_slot == _NEVER,
        last_extended_slot=table.meta.last_extended_slot,
        extended_from=table.meta.last_extended_slot_start_index,
        addresses=tuple(table.addresses),
    )


def table_address(authority: Pubkey, recent_slot: int) -> Pubkey:
    """Return where the table is that an authority makes of a slot."""
    return derive_lookup_table_address(authority, recent_slot)[0]


def create_table(authority: Pubkey, payer: Pubkey, recent_slot: int) -> Instruction:
    """Make the table at `table_address(authority, recent_slot)`; both keys sign."""
    table, bump = derive_lookup_table_address(authority, recent_slot)
    return _instruction(struct.pack("<IQB", _CREATE, recent_slot, bump), table, authority, payer)


def extend_table(
    table: Pubkey, authority: Pubkey, payer: Pubkey, addresses: Sequence[Pubkey]
) -> Instruction:
    """Append addresses, at most `MAX_ADDRESSES_AT_ONCE`; both keys sign."""
    data = struct.pack("<IQ", _EXTEND, len(addresses)) + b"".join(map(bytes, addresses))
    return _instruction(data, table, authority, payer)


def _instruction(data: bytes, table: Pubkey, authority: Pubkey, payer: Pubkey) -> Instruction:
    return Instruction(
        LOOKUP_TABLE_PROGRAM,
        data,
        [
            AccountMeta(table, is_signer=False, is_writable=True),
            AccountMeta(authority, is_signer=True, is_writable=False),
            AccountMeta(payer, is_signer=True, is_writable=True),
            AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
        ],
    )
