"""The spool's file: SQLite, write-ahead log, commits on disk before they return."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gridtokenx_edge.errors import SpoolError

_VERSION: Final = 1
_SCHEMA: Final = f"""
CREATE TABLE reading (
    sequence INTEGER PRIMARY KEY,
    kept INTEGER NOT NULL,          -- 1: settlement reading or baseline
    message BLOB NOT NULL,          -- COSE_Sign1, as it is published
    hash BLOB NOT NULL,             -- of the record with its extras
    acked_ms INTEGER                -- when its ack came, Unix ms
) STRICT;
CREATE INDEX reading_by_kept ON reading (kept, sequence);
CREATE INDEX reading_by_ack ON reading (acked_ms) WHERE acked_ms IS NOT NULL;
CREATE TABLE dropped (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    declared_by INTEGER             -- sequence of the reading whose extras say so
) STRICT;
CREATE TABLE chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_sequence INTEGER NOT NULL,
    last_hash BLOB NOT NULL,
    gap INTEGER NOT NULL,
    accepted_time_ms INTEGER NOT NULL,
    accepted_produced_mwh INTEGER NOT NULL,
    accepted_consumed_mwh INTEGER NOT NULL,
    boundary_time_ms INTEGER NOT NULL,
    boundary_produced_mwh INTEGER NOT NULL,
    boundary_consumed_mwh INTEGER NOT NULL,
    surplus_mwh INTEGER NOT NULL
) STRICT;
CREATE TABLE ack (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch BLOB NOT NULL,            -- unsigned 64-bit, big-endian
    sequence INTEGER NOT NULL,
    time_ms INTEGER NOT NULL        -- at the hub
) STRICT;
PRAGMA user_version = {_VERSION};
"""


def open_for_writing(path: Path) -> tuple[sqlite3.Connection, int]:
    """Open or create a spool for the one process that may write it.

    Returns:
        The connection, and the descriptor that holds the lock while it is open.

    Raises:
        SpoolError: Another process has it, it cannot be opened, or it is not a spool.
    """
    lock = _lock(path)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # a commit writes whole pages: with small ones a reading costs a memory card half as much
        connection.execute("PRAGMA page_size = 1024")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 1024")
        # 64 KiB, not 2 MB: pages come one after the other, a larger cache only fills up, ten-fold
        connection.execute("PRAGMA cache_size = -64")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        _check_version(path, version or _VERSION)
    except (OSError, sqlite3.Error) as error:
        os.close(lock)
        raise SpoolError(
            f"{path}: {error}; check folder and disk, or move the file away: the agent then goes"
            " on behind a signed gap"
        ) from error
    except SpoolError:
        os.close(lock)
        raise
    return connection, lock


def is_in_use(path: Path) -> bool:
    """Whether a process has the spool open for writing: its agent runs.

    Raises:
        SpoolError: This user may not ask.
    """
    try:
        handle = os.open(f"{path}.lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SpoolError(f"{path}: {error.strerror}; ask as the agent's user") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a spool without disturbing the agent that writes it.

    Raises:
        SpoolError: There is none, or it is not a spool.
    """
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise SpoolError(f"{path}: {error}; check spool.path in the settings") from error
    _check_version(path, version)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, *, synced: bool = True) -> Iterator[None]:
    """All or nothing, on disk when it ends.

    Args:
        connection: The spool.
        synced: False for what may be lost with the power, because the hub says it again: it
            comes onto the disk with the next synced one, which costs a memory card half as much.

    Raises:
        SpoolError: It could not be written; nothing has changed.
    """
    try:
        connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
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
        raise SpoolError(f"the spool cannot be written: {error}; check the disk") from error


@contextmanager
def readable() -> Iterator[None]:
    """For what reads the spool, as a decorator or around a block.

    Raises:
        SpoolError: It could not be read.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise SpoolError(
            f"the spool cannot be read: {error}; check the disk, or move the file away: the agent"
            " then goes on behind a signed gap"
        ) from error


def _check_version(path: Path, version: int) -> None:
    if version != _VERSION:
        raise SpoolError(f"{path} has format {version}, not {_VERSION}; use the agent that made it")


def _lock(path: Path) -> int:
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SpoolError(f"{path}: {error.strerror}; make its folder, writable for us") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise SpoolError(f"{path} is in use by another process; stop it first") from None
    return handle
