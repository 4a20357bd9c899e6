"""The file with what a guardian has seen and decided: SQLite, on disk at each commit."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gridtokenx_guardian.errors import StateError
from gridtokenx_guardian.keys import Keys, sync_folder

STATE = "state.sqlite"
# A reservation has at most one row in `attestations` and in `releases`, for ever: what is signed
# follows from it.
_SCHEMA = """
    CREATE TABLE identity (solana BLOB NOT NULL, evm BLOB NOT NULL);
    CREATE TABLE attestations (reservation BLOB PRIMARY KEY, message BLOB NOT NULL);
    CREATE TABLE releases (
        reservation BLOB PRIMARY KEY, payer BLOB NOT NULL, amount BLOB NOT NULL,
        guardian_epoch INTEGER NOT NULL
    );
    CREATE TABLE marks (number INTEGER PRIMARY KEY, hash BLOB NOT NULL);
    CREATE TABLE payments (
        reservation BLOB PRIMARY KEY, payer BLOB NOT NULL, wallet BLOB NOT NULL,
        amount BLOB NOT NULL, deadline_s INTEGER NOT NULL, block_number INTEGER NOT NULL,
        block_time_s INTEGER NOT NULL
    )
"""

Connect = Callable[[str], sqlite3.Connection]


def create(folder: Path, keys: Keys) -> None:
    """Make the state of a guardian that has decided nothing yet.

    Raises:
        StateError: there is one already, or it cannot be written.
    """
    path = folder / STATE
    if path.exists():
        raise StateError(f"{path} is there already: a guardian's decisions are never begun anew")
    connection = _connected(path, sqlite3.connect)
    try:
        with transaction(connection):
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO identity VALUES (?, ?)", _identity(keys))
    finally:
        connection.close()
    sync_folder(folder)


def open_state(folder: Path, keys: Keys, connect: Connect = sqlite3.connect) -> sqlite3.Connection:
    """Open the state of the guardian with these keys.

    Without it the keys are worth nothing: nobody knows what they have signed.

    Raises:
        StateError: it is gone, damaged, or that of other keys.
    """
    path = folder / STATE
    if not path.exists():
        raise StateError(
            f"{path} is gone, and with it what these keys have signed: have the operator dismiss "
            "this guardian, and begin another with gtx-guardian init in another folder"
        )
    connection = _connected(path, connect)
    try:
        _require_identity(connection, path, keys)
    except StateError:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it, on disk, or nothing.

    Raises:
        StateError: the disk did not take it.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise StateError(f"decisions cannot be kept: {error}; see to the disk") from error


def rows(connection: sqlite3.Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What a query finds.

    Raises:
        StateError: the file cannot be read.
    """
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise StateError(f"decisions cannot be read: {error}; see to the disk") from error


def _connected(path: Path, connect: Connect) -> sqlite3.Connection:
    try:
        connection = connect(str(path))
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as error:
        raise StateError(f"{path}: {error}; see to the disk") from error
    return connection


def _require_identity(connection: sqlite3.Connection, path: Path, keys: Keys) -> None:
    if rows(connection, "SELECT solana, evm FROM identity") != [_identity(keys)]:
        raise StateError(f"{path} is the state of other keys: each guardian has its own folder")


def _identity(keys: Keys) -> tuple[bytes, bytes]:
    return bytes(keys.solana.pubkey()), keys.evm_address
