"""Ranges of sequences that the spool had to let go of, until their loss is known at the hub."""

import sqlite3
from collections.abc import Iterable

from gridtokenx_edge.records import Range


def merge(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same sequences in as few ranges as possible, in order."""
    merged: list[Range] = []
    for following in sorted(ranges):
        if merged and following.first <= merged[-1].last + 1:
            merged[-1] = Range(merged[-1].first, max(merged[-1].last, following.last))
        else:
            merged.append(following)
    return tuple(merged)


def undeclared(connection: sqlite3.Connection, limit: int) -> tuple[Range, ...]:
    """Ranges that no reading has declared yet, lowest first; -1 for all."""
    rows = connection.execute(
        "SELECT first, last FROM dropped WHERE declared_by IS NULL ORDER BY first LIMIT ?",
        (limit,),
    )
    return tuple(Range(*row) for row in rows)


def add(connection: sqlite3.Connection, sequences: Iterable[int]) -> None:
    """Note sequences as dropped. What a dropped reading had declared must be declared again."""
    fresh = []
    for sequence in sequences:
        connection.execute(
            "UPDATE dropped SET declared_by = NULL WHERE declared_by = ?", (sequence,)
        )
        fresh.append(Range(sequence, sequence))
    ranges = merge((*undeclared(connection, -1), *fresh))
    connection.execute("DELETE FROM dropped WHERE declared_by IS NULL")
    connection.executemany(
        "INSERT INTO dropped (first, last) VALUES (?, ?)",
        ((lost.first, lost.last) for lost in ranges),
    )


def declare(connection: sqlite3.Connection, ranges: Iterable[Range], sequence: int) -> None:
    """Note that the reading with this sequence declares these ranges."""
    connection.executemany(
        "UPDATE dropped SET declared_by = ? WHERE first = ?",
        ((sequence, lost.first) for lost in ranges),
    )


def forget(connection: sqlite3.Connection, sequence: int) -> None:
    """Forget ranges whose declaration has a verdict."""
    connection.execute("DELETE FROM dropped WHERE declared_by <= ?", (sequence,))
