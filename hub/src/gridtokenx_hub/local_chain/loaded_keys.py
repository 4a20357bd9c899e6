"""Which accounts a transaction names, lookup tables resolved."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from solders.account import Account
from solders.address_lookup_table_account import ID as ADDRESS_LOOKUP_TABLE_PROGRAM
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey

_TABLE_HEADER_BYTES = 56


@dataclass(frozen=True)
class LoadedKeys:
    """All accounts that a transaction names, in the order in which instructions index them."""

    static: tuple[Pubkey, ...]
    looked_up_writable: tuple[Pubkey, ...]
    looked_up_readonly: tuple[Pubkey, ...]
    static_writable: frozenset[int]

    @cached_property
    def all(self) -> tuple[Pubkey, ...]:
        """Every key at its index."""
        return self.static + self.looked_up_writable + self.looked_up_readonly

    @cached_property
    def writable(self) -> tuple[Pubkey, ...]:
        """Keys that the transaction may change."""
        return (
            tuple(self.static[index] for index in sorted(self.static_writable))
            + self.looked_up_writable
        )


def load_keys(
    message: Message | MessageV0, account: Callable[[Pubkey], Account | None]
) -> LoadedKeys:
    """Return the keys of `message`; entries that its tables do not have are left out.

    The virtual machine refuses such a transaction by itself, so that nothing is recorded of it.
    """
    writable: list[Pubkey] = []
    readonly: list[Pubkey] = []
    for lookup in message.address_table_lookups if isinstance(message, MessageV0) else ():
        addresses = _addresses(account(lookup.account_key))
        writable += [addresses[i] for i in lookup.writable_indexes if i < len(addresses)]
        readonly += [addresses[i] for i in lookup.readonly_indexes if i < len(addresses)]
    return LoadedKeys(
        static=tuple(message.account_keys),
        looked_up_writable=tuple(writable),
        looked_up_readonly=tuple(readonly),
        static_writable=_static_writable(message),
    )


def _addresses(table: Account | None) -> list[Pubkey]:
    if table is None or table.owner != ADDRESS_LOOKUP_TABLE_PROGRAM:
        return []
    entries = table.data[_TABLE_HEADER_BYTES:]
    return [Pubkey(entries[i : i + 32]) for i in range(0, len(entries) - 31, 32)]


def _static_writable(message: Message | MessageV0) -> frozenset[int]:
    header, count = message.header, len(message.account_keys)
    signed = header.num_required_signatures
    return frozenset(range(signed - header.num_readonly_signed_accounts)) | frozenset(
        range(signed, count - header.num_readonly_unsigned_accounts)
    )
