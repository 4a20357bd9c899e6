"""Lookup tables that hold what settlements name, so that three of them fit one transaction.

Nobody waits for a table: what is added today is of use tomorrow. A transaction may look up only
what is final, for the nodes that take it in look there (Agave's banking stage resolves tables in
its root bank) and drop it without a word when it is not.

A table is noted in the database before it is made, and an address before it is added: whoever is
killed in between leaves a note that the next one compares with the chain. What a table holds, and
whether it may be used, only the chain says.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.chain import (
    ChainClient,
    ChainError,
    LookupTable,
    TransactionRefused,
    TransactionSender,
    lookup_tables,
)
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.settlement import table_notes
from gridtokenx_hub.settlement.shelving import plan_additions

COMPUTE_UNITS = 50_000
PORTION = lookup_tables.MAX_ADDRESSES_AT_ONCE

Wanted = Mapping[int, Sequence[Pubkey]]
"""Addresses that are to be in one table, beside what is shared, by the id of whoever wants it."""
Found = dict[int, AddressLookupTableAccount]
"""Tables by the id of whoever wanted them."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    """Our tables, and the slot of one that is noted but not there."""

    tables: list[LookupTable]
    unmade_of_slot: int | None


class SettlementTables:
    """Makes, fills and finds the lookup tables of `authority`; all hold what is `shared`."""

    def __init__(
        self,
        client: ChainClient,
        sender: TransactionSender,
        authority: Keypair,
        shared: Sequence[Pubkey],
    ) -> None:
        self._client = client
        self._sender = sender
        self._authority = authority
        self._shared = tuple(shared)
        self._has_searched = False

    async def find(self, connection: Connection, wanted: Wanted) -> Found:
        """Return for each id the table that holds what is wanted, where there is one."""
        notes = await table_notes.about(connection, _all(wanted))
        slot = await self._client.final_slot()  # asked first: what is read is of this slot or newer
        accounts = await self._client.accounts([note.address for note in notes], final=True)
        usable = [
            table.usable_at(slot)
            for note, account in zip(notes, accounts, strict=True)
            if (table := lookup_tables.decode_table(note.address, account)) and self._is_ours(table)
        ]
        found = {}
        for wanting, own in wanted.items():
            needed = {*self._shared, *own}
            holding = next((table for table in usable if needed <= set(table.addresses)), None)
            if holding is not None:
                found[wanting] = holding
        return found

    async def fill(self, connection: Connection, wanted: Wanted) -> None:
        """See to it that for each id there comes to be a table that holds what is wanted.

        A table that the chain refuses to make or to extend is done without.

        Raises:
            ChainUnavailable, TransactionExpired: it is not known what became of an extension; the
                next call finds out.
        """
        if not self._has_searched:
            await self._search(connection)
        known = await self._read(connection, wanted)
        needed = [(*self._shared, *own) for own in wanted.values()]
        additions = plan_additions(known.tables, needed)
        try:
            for table, addresses in additions.items():
                if table is None:
                    await self._make(connection, known.unmade_of_slot, addresses)
                else:
                    await table_notes.note(connection, table, addresses)
                    await self._extend(table, addresses)
        except TransactionRefused as refused:
            logger.warning("settlement: a lookup table is done without: %s", refused)

    async def _search(self, connection: Connection) -> None:
        """Note tables that the chain has and the database, restored perhaps, does not know.

        A node that does not answer this costs a new table, and is asked once.
        """
        self._has_searched = True
        authority = self._authority.pubkey()
        try:
            found = await self._client.program_accounts(
                LOOKUP_TABLE_PROGRAM, lookup_tables.AUTHORITY_OFFSET, bytes(authority)
            )
        except ChainError as error:
            logger.warning("settlement: lookup tables that are not noted stay unfound: %s", error)
            return
        for address, account in found:
            table = lookup_tables.decode_table(address, account)
            if table is not None and table.is_active:
                await table_notes.note(connection, address, table.addresses)

    async def _read(self, connection: Connection, wanted: Wanted) -> _Known:
        """Read the tables that may hold these addresses, and the one with the most room."""
        notes = await table_notes.about(connection, _all(wanted))
        slot = await self._client.slot()
        accounts = await self._client.accounts([note.address for note in notes])
        tables, unmade_of_slot = [], None
        for note, account in zip(notes, accounts, strict=True):
            table = lookup_tables.decode_table(note.address, account)
            if table is None and slot <= note.recent_slot + lookup_tables.CREATION_WINDOW_SLOTS:
                unmade_of_slot = note.recent_slot
            elif table is not None and self._is_ours(table):
                tables.append(table)
            else:
                logger.warning("settlement: lookup table %s is of no use any more", note.address)
                await table_notes.forget(connection, note.address)
        return _Known(tables, unmade_of_slot)

    def _is_ours(self, table: LookupTable) -> bool:
        return table.is_active and table.authority == self._authority.pubkey()

    async def _make(
        self, connection: Connection, noted_slot: int | None, addresses: Sequence[Pubkey]
    ) -> None:
        """Make the table that is noted, or else a new one, with these addresses.

        A slot makes one table: while the final slot stands where it stood at the last one, none is
        made, and the next call tries again.
        """
        slot = await self._client.final_slot() if noted_slot is None else noted_slot
        authority = self._authority.pubkey()
        table = lookup_tables.table_address(authority, slot)
        if noted_slot is None and await table_notes.is_noted(connection, table):
            return
        await table_notes.note(connection, table, addresses, recent_slot=slot)
        first, rest = addresses[:PORTION], addresses[PORTION:]
        await self._send(
            lambda payer: [
                lookup_tables.create_table(authority, payer, slot),
                lookup_tables.extend_table(table, authority, payer, first),
            ]
        )
        await self._extend(table, rest)

    async def _extend(self, table: Pubkey, addresses: Sequence[Pubkey]) -> None:
        authority = self._authority.pubkey()
        results = await asyncio.gather(
            *(
                self._send(
                    partial(_extension, table, authority, addresses[start : start + PORTION])
                )
                for start in range(0, len(addresses), PORTION)
            ),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _send(self, instructions: Callable[[Pubkey], list[Instruction]]) -> None:
        await self._sender.send(instructions, (self._authority,), compute_units=COMPUTE_UNITS)


def _all(wanted: Wanted) -> list[Pubkey]:
    return [address for addresses in wanted.values() for address in addresses]


def _extension(
    table: Pubkey, authority: Pubkey, addresses: Sequence[Pubkey], payer: Pubkey
) -> list[Instruction]:
    return [lookup_tables.extend_table(table, authority, payer, addresses)]
