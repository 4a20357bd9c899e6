"""Lookup tables that hold what settlements name, so that three of them fit one transaction.

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
from gridtokenx_hub.settlement.shelving import Additions, plan_additions

COMPUTE_UNITS = 50_000
PORTION = lookup_tables.MAX_ADDRESSES_AT_ONCE

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lookups:
    """By the id of whoever wants them: tables that hold its accounts; who can use one in a moment.

    `warming`: their accounts are in a table since this very slot, and can be looked up from the
    next one on.
    """

    tables: Mapping[int, AddressLookupTableAccount]
    warming: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Known:
    """Our tables as they are at a slot, and the slot of one that is noted but not there."""

    slot: int
    tables: list[LookupTable]
    unmade_of_slot: int | None


class SettlementTables:
    """Makes, fills and finds the lookup tables of `authority`."""

    def __init__(self, client: ChainClient, sender: TransactionSender, authority: Keypair) -> None:
        self._client = client
        self._sender = sender
        self._authority = authority
        self._has_searched = False

    async def serve(
        self,
        connection: Connection,
        wanted: Mapping[int, Sequence[Pubkey]],
        distinctive: Sequence[Pubkey],
    ) -> Lookups:
        """See to it that each of the `wanted` sets of addresses is whole in one table.

        A table that the chain refuses to make or to extend is done without.

        Args:
            connection: of the leader.
            wanted: sets of addresses by an id.
            distinctive: those of them by which a table is recognised as one that holds a set.

        Raises:
            ChainUnavailable, TransactionExpired: it is not known what became of an extension; the
                next call finds out.
        """
        if not self._has_searched:
            await self._search(connection)
        known = await self._read(connection, distinctive)
        additions = plan_additions(known.tables, wanted.values())
        if additions and await self._add(connection, known, additions):
            known = await self._read(connection, distinctive)
        return _lookups(known, wanted)

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

    async def _read(self, connection: Connection, distinctive: Sequence[Pubkey]) -> _Known:
        """Read the tables that may hold these addresses, and the one with the most room."""
        notes = await table_notes.about(connection, distinctive)
        slot = await self._client.slot()  # asked first: what is read is of this slot or newer
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
        return _Known(slot, tables, unmade_of_slot)

    def _is_ours(self, table: LookupTable) -> bool:
        return table.is_active and table.authority == self._authority.pubkey()

    async def _add(self, connection: Connection, known: _Known, additions: Additions) -> bool:
        """Make and extend tables; return False when the chain refuses a step."""
        try:
            for table, addresses in additions.items():
                if table is None:
                    await self._make(connection, known.unmade_of_slot, addresses)
                else:
                    await table_notes.note(connection, table, addresses)
                    await self._extend(table, addresses)
        except TransactionRefused as refused:
            logger.warning("settlement: a lookup table is done without: %s", refused)
            return False
        return True

    async def _make(
        self, connection: Connection, noted_slot: int | None, addresses: Sequence[Pubkey]
    ) -> None:
        """Make the table that is noted, or else a new one, with these addresses."""
        slot = await self._client.final_slot() if noted_slot is None else noted_slot
        authority = self._authority.pubkey()
        table = lookup_tables.table_address(authority, slot)
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


def _extension(
    table: Pubkey, authority: Pubkey, addresses: Sequence[Pubkey], payer: Pubkey
) -> list[Instruction]:
    return [lookup_tables.extend_table(table, authority, payer, addresses)]


def _lookups(known: _Known, wanted: Mapping[int, Sequence[Pubkey]]) -> Lookups:
    usable = [table.usable_at(known.slot) for table in known.tables]
    tables = {}
    for wanting, needed in wanted.items():
        holding = next((table for table in usable if set(needed) <= set(table.addresses)), None)
        if holding is not None:
            tables[wanting] = holding
    warming = (
        wanting
        for wanting, needed in wanted.items()
        if wanting not in tables
        and any(set(needed) <= set(table.addresses) for table in known.tables)
    )
    return Lookups(tables, frozenset(warming))
