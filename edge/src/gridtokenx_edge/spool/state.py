"""How a spool stands: the two rows that say where a chain and its acks are, and figures."""

import sqlite3
from dataclasses import dataclass

from gridtokenx_edge.guards import Accepted
from gridtokenx_edge.records import ChainState
from gridtokenx_edge.surplus import Boundary


@dataclass(frozen=True, slots=True)
class AckState:
    """The last ack that was applied."""

    epoch: int
    sequence: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A reading that waits for its ack."""

    sequence: int
    message: bytes


@dataclass(frozen=True, slots=True)
class Stands:
    """How a spool stands; sequences and the time of the last reading are 0 for none."""

    used_bytes: int
    oldest_sequence: int
    last_sequence: int
    acked_sequence: int
    last_time_ms: int


def load_chain(connection: sqlite3.Connection) -> ChainState | None:
    """Where the chain stands; None before the baseline."""
    row = connection.execute("SELECT * FROM chain").fetchone()
    if row is None:
        return None
    _, last_sequence, last_hash, gap, *counters = row
    return ChainState(
        last_sequence=last_sequence,
        last_hash=last_hash,
        gap=bool(gap),
        accepted=Accepted(*counters[:3]),
        boundary=Boundary(*counters[3:]),
    )


def save_chain(connection: sqlite3.Connection, state: ChainState) -> None:
    """Write where the chain stands, in the transaction of its caller."""
    accepted, boundary = state.accepted, state.boundary
    connection.execute(
        "INSERT OR REPLACE INTO chain VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            state.last_sequence,
            state.last_hash,
            state.gap,
            accepted.time_ms,
            accepted.produced_mwh,
            accepted.consumed_mwh,
            boundary.time_ms,
            boundary.produced_mwh,
            boundary.consumed_mwh,
            boundary.surplus_mwh,
        ),
    )


def load_ack(connection: sqlite3.Connection) -> AckState | None:
    """The last ack; None before the first."""
    row = connection.execute("SELECT epoch, sequence, time_ms FROM ack").fetchone()
    return row and AckState(int.from_bytes(row[0], "big"), row[1], row[2])


def save_ack(connection: sqlite3.Connection, ack: AckState) -> None:
    """Write the last ack, in the transaction of its caller."""
    connection.execute(
        "INSERT OR REPLACE INTO ack VALUES (1, ?, ?, ?)",
        (ack.epoch.to_bytes(8, "big"), ack.sequence, ack.time_ms),
    )
