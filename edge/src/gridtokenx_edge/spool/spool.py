"""The spool of one meter: append before publish, forget only what has a verdict."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final, Self

from gridtokenx_edge.config.model import SpoolConfig
from gridtokenx_edge.errors import SpoolError
from gridtokenx_edge.records import ChainState, Range, SignedReading
from gridtokenx_edge.spool import dropped
from gridtokenx_edge.spool.cap import ROW_BYTES, make_room, used_bytes
from gridtokenx_edge.spool.schema import open_for_writing, readable, transaction
from gridtokenx_edge.spool.state import (
    AckState,
    Pending,
    Stands,
    load_ack,
    load_chain,
    save_ack,
    save_chain,
)
from gridtokenx_protocol.ack import Ack

JUMP: Final = 2**20
"""How far sequences jump when it is not known which were used: more than can be under way."""
MAX_DECLARED: Final = 64
"""Most ranges that one reading declares, to keep its message small."""
_DAY_MS: Final = 86_400_000
_LARGEST_NUMBER: Final = 2**62


class AckOutcome(StrEnum):
    """What an ack did."""

    APPLIED = "applied"
    STALE = "stale"
    """Not newer than the last one: nothing changed."""
    NEW_EPOCH = "new_epoch"
    """The hub was restored: everything beyond this ack is to be sent again."""
    AHEAD = "ahead"
    """The hub knows sequences that this spool never gave out: it jumped behind them."""
    OTHER_HASH = "other_hash"
    """The hub has another record of that sequence: nothing changed."""
    IMPOSSIBLE = "impossible"
    """Numbers beyond anything real: nothing changed."""


class Spool:
    """Readings of one meter on disk. One process, one thread at a time.

    What cannot be read or written raises a SpoolError.
    """

    def __init__(self, connection: sqlite3.Connection, lock: int, config: SpoolConfig) -> None:
        self._connection = connection
        self._lock = lock
        self._config = config
        self._used = used_bytes(connection)
        self._state = load_chain(connection)
        self._ack = load_ack(connection)

    @classmethod
    def open(cls, config: SpoolConfig) -> Self:
        """Open or create the spool.

        Raises:
            SpoolError: In use, damaged, or on a disk that cannot be written.
        """
        connection, lock = open_for_writing(config.path)
        try:
            return cls(connection, lock, config)
        except sqlite3.Error as error:
            connection.close()
            os.close(lock)
            raise SpoolError(f"{config.path}: {error}; move the damaged file away") from error

    def close(self) -> None:
        """Close the file and release the lock."""
        self._connection.close()
        os.close(self._lock)

    @property
    def state(self) -> ChainState | None:
        """Where the chain stands; None before the baseline."""
        return self._state

    @property
    def last_sequence(self) -> int:
        """Highest sequence that was used; 0 for none."""
        return self._state.last_sequence if self._state else 0

    @property
    def acked_sequence(self) -> int:
        """Highest sequence that has its ack; 0 for none."""
        return self._ack.sequence if self._ack else 0

    @readable()
    def stands(self) -> Stands:
        """Figures that cost nothing to have."""
        oldest = self._connection.execute("SELECT min(sequence) FROM reading").fetchone()[0]
        state = self._state
        return Stands(
            used_bytes=self._used,
            oldest_sequence=oldest or 0,
            last_sequence=self.last_sequence,
            acked_sequence=self.acked_sequence,
            last_time_ms=state.accepted.time_ms if state else 0,
        )

    @readable()
    def undeclared(self) -> tuple[Range, ...]:
        """Dropped ranges that the next ordinary reading is to declare."""
        return dropped.undeclared(self._connection, MAX_DECLARED)

    def append(self, readings: Sequence[SignedReading], state: ChainState) -> int:
        """Write readings and where the chain stands after them, all or nothing.

        Returns:
            How many older readings had to be dropped to stay below the cap.

        Raises:
            SpoolError: Nothing was written; none of the readings may be published.
        """
        newest = readings[0].record.sequence
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO reading (sequence, kept, message, hash) VALUES (?, ?, ?, ?)",
                ((r.record.sequence, r.kept, r.message, r.hash) for r in readings),
            )
            for reading in readings:
                dropped.declare(self._connection, reading.declares, reading.record.sequence)
            save_chain(self._connection, state)
            used = self._used + sum(len(r.message) + ROW_BYTES for r in readings)
            used, lost = make_room(
                self._connection, used, self._config.max_bytes, self.acked_sequence, newest
            )
        self._used, self._state = used, state
        return lost

    def move_to(self, state: ChainState) -> None:
        """Set where the chain stands, when that is known from elsewhere.

        Raises:
            SpoolError: Nothing was written.
        """
        with transaction(self._connection):
            save_chain(self._connection, state)
        self._state = state

    def let_go(self, first: int) -> None:
        """Drop the readings from a sequence on, none of which has its ack; the next one says so.

        Raises:
            SpoolError: Nothing was written.
        """
        with transaction(self._connection):
            rows = self._connection.execute(
                "DELETE FROM reading WHERE sequence >= ? AND acked_ms IS NULL RETURNING sequence",
                (first,),
            ).fetchall()
            dropped.add(self._connection, [sequence for (sequence,) in rows])
        self._used = used_bytes(self._connection)

    @readable()
    def apply_ack(self, ack: Ack, now_ms: int) -> AckOutcome:
        """Take note of a verified ack; forget what has had one for long enough.

        Raises:
            SpoolError: Nothing was written, or nothing could be read.
        """
        outcome = self._judge(ack)
        if outcome in (AckOutcome.STALE, AckOutcome.OTHER_HASH, AckOutcome.IMPOSSIBLE):
            return outcome
        state = self._state
        if outcome is AckOutcome.AHEAD and state is not None:
            state = replace(state, last_sequence=ack.sequence + JUMP, last_hash=ack.hash, gap=True)
        applied = AckState(ack.epoch, ack.sequence, ack.time_ms)
        # an ack that a power cut takes back is told again: it shares the sync of the next reading
        with transaction(self._connection, synced=False):
            save_ack(self._connection, applied)
            if state is not None and state is not self._state:
                save_chain(self._connection, state)
            self._mark(ack.sequence, now_ms)
            dropped.forget(self._connection, ack.sequence)
            used = self._forget(now_ms)
        self._ack, self._state, self._used = applied, state, used
        return outcome

    @readable()
    def pending(self, after: int, limit: int) -> list[Pending]:
        """Readings without an ack, with a sequence above ``after``, oldest first."""
        rows = self._connection.execute(
            "SELECT sequence, message FROM reading WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (max(after, self.acked_sequence), limit),
        )
        return [Pending(*row) for row in rows]

    @readable()
    def held(self, first: int, last: int, limit: int) -> list[Pending]:
        """Readings from ``first`` to ``last``, with an ack or without, oldest first."""
        rows = self._connection.execute(
            "SELECT sequence, message FROM reading WHERE sequence BETWEEN ? AND ?"
            " ORDER BY sequence LIMIT ?",
            (min(first, _LARGEST_NUMBER), last, limit),
        )
        return [Pending(*row) for row in rows]

    @readable()
    def message(self, sequence: int) -> bytes | None:
        """One reading as it is published; None when it is not held."""
        row = self._connection.execute(
            "SELECT message FROM reading WHERE sequence = ?", (sequence,)
        ).fetchone()
        return row and bytes(row[0])

    def newest(self) -> Pending | None:
        """The reading with the highest sequence that is held."""
        row = self._connection.execute(
            "SELECT sequence, message FROM reading ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return row and Pending(*row)

    def kept(self) -> Iterator[bytes]:
        """The bare readings that are held, oldest first."""
        rows = self._connection.execute(
            "SELECT message FROM reading WHERE kept = 1 ORDER BY sequence"
        )
        return (bytes(message) for (message,) in rows)

    def _judge(self, ack: Ack) -> AckOutcome:
        if max(ack.sequence, ack.time_ms) > _LARGEST_NUMBER:
            return AckOutcome.IMPOSSIBLE
        last = self._ack
        new_epoch = last is not None and ack.epoch != last.epoch
        if last is not None:
            newer = ack.time_ms > last.time_ms if new_epoch else ack.sequence > last.sequence
            if not newer:
                return AckOutcome.STALE
        held = self._connection.execute(
            "SELECT hash FROM reading WHERE sequence = ?", (ack.sequence,)
        ).fetchone()
        if held is not None and held[0] != ack.hash:
            return AckOutcome.OTHER_HASH
        if self._state is not None and ack.sequence > self._state.last_sequence:
            return AckOutcome.AHEAD
        return AckOutcome.NEW_EPOCH if new_epoch else AckOutcome.APPLIED

    def _mark(self, sequence: int, now_ms: int) -> None:
        """Readings up to the sequence have their ack, those beyond it have none."""
        self._connection.execute(
            "UPDATE reading SET acked_ms = ? WHERE sequence > ? AND sequence <= ?",
            (now_ms, self.acked_sequence, sequence),
        )
        self._connection.execute(
            "UPDATE reading SET acked_ms = NULL WHERE sequence > ? AND acked_ms IS NOT NULL",
            (sequence,),
        )

    def _forget(self, now_ms: int) -> int:
        """Delete what had its ack long ago; bytes used after it."""
        before_ms = now_ms - self._config.keep_days * _DAY_MS
        freed = self._connection.execute(
            "DELETE FROM reading WHERE acked_ms <= ? RETURNING length(message) + ?",
            (before_ms, ROW_BYTES),
        ).fetchall()
        return self._used - sum(int(size) for (size,) in freed)
