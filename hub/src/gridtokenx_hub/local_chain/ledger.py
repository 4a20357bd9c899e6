"""The durable record of a local chain: one SQLite file, one transaction per slot."""

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from gridtokenx_hub.local_chain.errors import GenesisMismatchError, LedgerUnusableError
from gridtokenx_hub.local_chain.genesis import CreationParameters, Genesis
from gridtokenx_hub.local_chain.records import (
    Block,
    ExecutedTransaction,
    Outcome,
    StoredTransaction,
)
from gridtokenx_hub.local_chain.slots import BLOCKHASH_WINDOW, SLOT_HASHES, Slot

FORMAT = 1
SCHEMA = """
CREATE TABLE creation (
    genesis_hash BLOB NOT NULL, faucet_seed BLOB NOT NULL, created_unix_s INTEGER NOT NULL
);
CREATE TABLE programs (address BLOB PRIMARY KEY, elf BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE slots (
    number INTEGER PRIMARY KEY, block_height INTEGER NOT NULL, blockhash BLOB NOT NULL,
    unix_s INTEGER NOT NULL, epoch_start_unix_s INTEGER NOT NULL, transactions INTEGER NOT NULL
);
CREATE INDEX empty_slots ON slots (number) WHERE transactions = 0;
CREATE TABLE transactions (
    id INTEGER PRIMARY KEY,              -- rises in the order of execution
    signature BLOB NOT NULL UNIQUE, message_hash BLOB NOT NULL UNIQUE,
    slot INTEGER NOT NULL, position INTEGER NOT NULL,
    raw BLOB NOT NULL, err TEXT, meta TEXT NOT NULL   -- err and meta are JSON as RPC shows them
);
CREATE VIEW history AS
    SELECT id, signature, slot, position, unix_s, raw, err, meta
    FROM transactions JOIN slots ON slots.number = transactions.slot;
CREATE TABLE address_transactions (
    address BLOB, transaction_id INTEGER, PRIMARY KEY (address, transaction_id)
) WITHOUT ROWID;
CREATE TABLE accounts (address BLOB PRIMARY KEY, image BLOB NOT NULL) WITHOUT ROWID;
"""
_OUTCOME = (
    "SELECT signature, slot, position, unix_s, err FROM transactions JOIN slots ON number = slot"
)


class Ledger:
    """Opens or creates the ledger in `folder`.

    `commit` may run in a thread of its own while the other methods run in another: they use
    different connections, and readers see only what has been committed.

    Raises:
        GenesisMismatchError: the ledger was created with other programs.
        LedgerUnusableError: it is in use by another process, damaged or of a newer format.
    """

    def __init__(self, folder: Path, genesis: Genesis, now_unix_s: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "ledger.sqlite"
        with contextlib.ExitStack() as opened:
            opened.callback(os.close, _lock(folder / "ledger.lock"))
            try:
                self._writer = opened.enter_context(contextlib.closing(_connect(path)))
                path.chmod(0o600)  # it holds the faucet's key
                self._create_if_new(genesis, now_unix_s)
                self._reader = opened.enter_context(contextlib.closing(_connect(path)))
                self.creation = CreationParameters(
                    *self._reader.execute("SELECT * FROM creation").fetchone()
                )
                self._check_programs(genesis)
            except sqlite3.DatabaseError as error:
                raise LedgerUnusableError(
                    f"{path} cannot be used ({error}): restore it from a backup, or delete the"
                    " folder to start a new chain"
                ) from error
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Close both connections and let another process have the ledger."""
        self._opened.close()

    def commit(self, block: Block, oldest_slot_needed: int) -> None:
        """Add `block` durably: it is on disk as a whole when this returns.

        Empty slots older than `oldest_slot_needed` are dropped on the way.
        """
        slot = block.slot
        with self._writer as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT INTO slots VALUES (?, ?, ?, ?, ?, ?)",
                (*_slot_row(slot), len(block.transactions)),
            )
            for position, transaction in enumerate(block.transactions):
                _insert_transaction(db, slot.number, position, transaction)
            db.executemany(
                "INSERT OR REPLACE INTO accounts VALUES (?, ?)",
                [item for item in block.account_images.items() if item[1] is not None],
            )
            db.executemany(
                "DELETE FROM accounts WHERE address = ?",
                [(address,) for address, image in block.account_images.items() if image is None],
            )
            db.execute(
                "DELETE FROM slots WHERE transactions = 0 AND number < ?", (oldest_slot_needed,)
            )

    def recent_slots(self) -> list[Slot]:
        """The newest slots, oldest first: all that `SlotWindow` needs."""
        rows = self._reader.execute(
            "SELECT number, block_height, blockhash, unix_s, epoch_start_unix_s"
            " FROM slots WHERE block_height >="
            " (SELECT block_height FROM slots ORDER BY number DESC LIMIT 1) - ?"
            " OR number >= (SELECT min(number) FROM"
            " (SELECT number FROM slots ORDER BY number DESC LIMIT ?)) ORDER BY number",
            (BLOCKHASH_WINDOW, SLOT_HASHES),
        )
        return [Slot(*row) for row in rows]

    def slot_unix_s(self, number: int) -> int | None:
        """Time of slot `number`, None if the ledger has no such slot."""
        row = self._reader.execute(
            "SELECT unix_s FROM slots WHERE number = ?", (number,)
        ).fetchone()
        return None if row is None else int(row[0])

    def accounts(self) -> Iterator[tuple[bytes, bytes]]:
        """Address and image of every account that any slot has changed."""
        yield from self._reader.execute("SELECT address, image FROM accounts")

    def has_message(self, message_hash: bytes) -> bool:
        """Whether a transaction with this message has been executed."""
        row = self._reader.execute(
            "SELECT 1 FROM transactions WHERE message_hash = ?", (message_hash,)
        ).fetchone()
        return row is not None

    def transaction(self, signature: bytes) -> StoredTransaction | None:
        """The transaction with this first signature."""
        row = self._reader.execute(
            "SELECT * FROM history WHERE signature = ?", (signature,)
        ).fetchone()
        return None if row is None else StoredTransaction(*row)

    def outcomes(self, signatures: Sequence[bytes]) -> dict[bytes, Outcome]:
        """How the transactions with these first signatures ended, by signature."""
        places = ",".join("?" * len(signatures))
        query = f"{_OUTCOME} WHERE signature IN ({places})"
        rows = self._reader.execute(query, signatures)
        return {row[0]: Outcome(*row) for row in rows}

    def transactions_of(
        self, address: bytes, before_id: int | None, until_id: int | None, limit: int
    ) -> list[Outcome]:
        """Outcomes of those that name `address`, newest first, between two ids (both excluded)."""
        rows = self._reader.execute(
            f"{_OUTCOME} JOIN address_transactions ON id = transaction_id"
            " WHERE address = ? AND transaction_id < ? AND transaction_id > ?"
            " ORDER BY transaction_id DESC LIMIT ?",
            (address, (1 << 63) - 1 if before_id is None else before_id, until_id or 0, limit),
        )
        return [Outcome(*row) for row in rows]

    def _create_if_new(self, genesis: Genesis, now_unix_s: int) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version == FORMAT:
            return
        if version != 0:
            raise LedgerUnusableError(
                f"the ledger has format {version}, this version reads {FORMAT}: use the version"
                " that wrote it, or delete the folder to start a new chain"
            )
        genesis_hash = secrets.token_bytes(32)
        with self._writer as db:
            db.execute("BEGIN IMMEDIATE")
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            db.execute(
                "INSERT INTO creation VALUES (?, ?, ?)",
                (genesis_hash, secrets.token_bytes(32), now_unix_s),
            )
            db.executemany(
                "INSERT INTO programs VALUES (?, ?)",
                [(bytes(address), elf) for address, elf in genesis.programs],
            )
            first = Slot(0, 0, genesis_hash, now_unix_s, now_unix_s)
            db.execute("INSERT INTO slots VALUES (?, ?, ?, ?, ?, 0)", _slot_row(first))
            db.execute(f"PRAGMA user_version = {FORMAT}")

    def _check_programs(self, genesis: Genesis) -> None:
        stored = dict(self._reader.execute("SELECT address, elf FROM programs"))
        given = {bytes(address): elf for address, elf in genesis.programs}
        if stored != given:
            differing = sum(
                stored.get(key) != given.get(key) for key in stored.keys() | given.keys()
            )
            raise GenesisMismatchError(
                f"the chain was created with other programs ({differing} differ from those given):"
                " give the programs it was created with, or reset the chain by deleting its folder"
            )


def _insert_transaction(
    db: sqlite3.Connection, slot: int, position: int, transaction: ExecutedTransaction
) -> None:
    cursor = db.execute(
        "INSERT INTO transactions (signature, message_hash, slot, position, raw, err, meta)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            transaction.signature,
            transaction.message_hash,
            slot,
            position,
            transaction.raw,
            transaction.err,
            transaction.meta,
        ),
    )
    db.executemany(
        "INSERT OR IGNORE INTO address_transactions VALUES (?, ?)",
        [(address, cursor.lastrowid) for address in transaction.addresses],
    )


def _slot_row(slot: Slot) -> tuple[int, int, bytes, int, int]:
    return (slot.number, slot.block_height, slot.blockhash, slot.unix_s, slot.epoch_start_unix_s)


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: transactions begin where the code says so. The writer is used by the
    # commit thread alone once the chain runs, so sqlite3's own thread check is not needed.
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise LedgerUnusableError(
            f"another process runs a chain in {path.parent}: stop it first"
        ) from error
    return descriptor
