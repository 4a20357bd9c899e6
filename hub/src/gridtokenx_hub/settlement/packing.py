"""How settlements share transactions: as many as the bytes allow.

In bytes, with Ed25519 keys (a P-256 key is one more, both kinds in one transaction 33 more):

    settlements         1     2      3
    legacy            769  1140   1511
    lookup table      557   835   1113
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.chain import MAX_TRANSACTION_BYTES, compile_message, transaction_bytes
from gridtokenx_hub.settlement.outbox import ALONE_AFTER_ATTEMPTS, Waiting

WITHOUT_TABLES = 2
"""So many fit a legacy transaction; lookup tables make room for one more."""
COMPUTE_UNITS_EACH = 15_000  # three times the need: a cluster's token program may be the dearer one

_ANY_PAYER = Pubkey.default()  # its bytes do not matter for the size; settlements do not name it

MakeInstructions = Callable[[Waiting], Sequence[Instruction]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Settlements of one transaction; with a `table`, it is of version 0."""

    rows: tuple[Waiting, ...]
    instructions: tuple[Instruction, ...]
    table: AddressLookupTableAccount | None

    @property
    def compute_units(self) -> int:
        """Its compute limit."""
        return COMPUTE_UNITS_EACH * len(self.rows)

    @property
    def tables(self) -> tuple[AddressLookupTableAccount, ...]:
        """Its lookup tables: one or none."""
        return (self.table,) if self.table else ()

    @property
    def size(self) -> int:
        """Bytes of the transaction."""
        return transaction_bytes(
            compile_message(
                self.instructions, _ANY_PAYER, self.compute_units, Hash.default(), self.tables
            )
        )


def pack(
    rows: Sequence[Waiting],
    tables: Mapping[int, AddressLookupTableAccount],
    make: MakeInstructions,
) -> list[Batch]:
    """Share out rows to transactions of at most 1,232 bytes.

    Args:
        rows: what is to be settled, of one meter at most one.
        tables: by row id, the table that holds a row's accounts, for rows that have one.
        make: the instructions of a row.
    """
    neighbours: defaultdict[Pubkey | None, list[Waiting]] = defaultdict(list)
    for row in rows:
        table = tables.get(row.row_id)
        neighbours[table.key if table else None].append(row)
    return [
        batch
        for group in neighbours.values()
        for batch in _batches(group, tables.get(group[0].row_id), make)
    ]


def _batches(
    rows: Sequence[Waiting], table: AddressLookupTableAccount | None, make: MakeInstructions
) -> Iterator[Batch]:
    """Fill one transaction after the other; every row fits one alone."""
    open_batch = Batch((), (), table)
    for row in rows:
        alone = Batch((row,), tuple(make(row)), table)
        if row.attempts >= ALONE_AFTER_ATTEMPTS:
            yield alone
            continue
        grown = Batch(
            open_batch.rows + alone.rows, open_batch.instructions + alone.instructions, table
        )
        if grown.size <= MAX_TRANSACTION_BYTES:
            open_batch = grown
        else:
            yield open_batch
            open_batch = alone
    if open_batch.rows:
        yield open_batch
