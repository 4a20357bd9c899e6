"""Keeping the spool below its cap: what goes first, and what never goes."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from gridtokenx_edge.spool import dropped

ROW_BYTES: Final = 160
"""What a reading takes beside its message: hash, keys, two index entries, slack in its page."""
_BATCH: Final = 256


def used_bytes(connection: sqlite3.Connection) -> int:
    """What all readings take together."""
    row = connection.execute(
        "SELECT coalesce(sum(length(message)), 0) + count(*) * ? FROM reading", (ROW_BYTES,)
    ).fetchone()
    return int(row[0])


def make_room(
    connection: sqlite3.Connection, used: int, max_bytes: int, acked: int, newest: int
) -> tuple[int, int]:
    """Let go of readings, in the transaction of the caller, when the cap is passed.

    First ordinary readings that have their ack, then settlement readings that have it, then
    ordinary readings without one: these are noted as dropped. Oldest first each time.
    Settlement readings without an ack never go. A sixteenth of the cap is freed at once, so
    that the work is not done anew for every reading.

    Args:
        connection: The spool.
        used: Bytes that are used now.
        max_bytes: The cap.
        acked: Highest sequence that has its ack.
        newest: Readings from this sequence on stay: they are just being appended.

    Returns:
        Bytes used after it, and how many readings were dropped without an ack.
    """
    if used <= max_bytes:
        return used, 0
    target = max_bytes - max_bytes // 16
    lost: list[int] = []
    for kept, first, end, with_ack in (
        (0, 0, min(acked + 1, newest), True),
        (1, 0, min(acked + 1, newest), True),
        (0, acked + 1, newest, False),
    ):
        for sequence, size in _oldest(connection, kept, first, end):
            if used <= target:
                break
            connection.execute("DELETE FROM reading WHERE sequence = ?", (sequence,))
            used -= size
            if not with_ack:
                lost.append(sequence)
    if lost:
        dropped.add(connection, lost)
    return used, len(lost)


def _oldest(
    connection: sqlite3.Connection, kept: int, first: int, end: int
) -> Iterator[tuple[int, int]]:
    """Sequence and size of readings, oldest first; they may be deleted on the way."""
    while True:
        rows = connection.execute(
            "SELECT sequence, length(message) + ? FROM reading"
            " WHERE kept = ? AND sequence >= ? AND sequence < ? ORDER BY sequence LIMIT ?",
            (ROW_BYTES, kept, first, end, _BATCH),
        ).fetchall()
        if not rows:
            return
        yield from rows
        first = rows[-1][0] + 1
