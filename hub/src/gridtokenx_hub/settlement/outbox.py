"""The outbox: rows of `settlements` and the changes of state that belong to settlement.

    pending ──► sent ──► settled            (by the indexer, when the chain's event arrives)
       ▲  │      │ └───► refused            (the program's verdict, with the error's name)
       │  │      └─────► pending            (the transaction expired, or failed for another row:
       │  │                                  nothing happened)
       └──┴────────────► superseded         (a newer reading says all that this one says)

Every change names the state that it leaves, so that what the indexer wrote meanwhile stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from solders.pubkey import Pubkey

from gridtokenx_hub.leadership import Connection
from gridtokenx_protocol.cose import signed_record_message


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reading to be settled.

    `key_algorithm` numbers the kind of key as on chain; `message` is what the device signed;
    `attempts` counts the transactions that were made for it.
    """

    row_id: int
    meter_id: bytes
    owner: Pubkey
    sequence: int
    key_algorithm: int
    public_key: bytes
    signature: bytes
    message: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A row whose transaction is on its way, or was when the process ended.

    `position` is its place among the settlements of that transaction, from 0.
    """

    row_id: int
    meter_id: bytes
    sequence: int
    tx_signature: str
    position: int
    last_valid_block_height: int


ALONE_AFTER_ATTEMPTS = 3
"""A row that came back so often goes alone, behind all others and ever more seldom: whatever is
wrong with it, it holds up nobody else."""
LONGEST_WAIT_S = 60


async def waiting(connection: Connection, limit: int) -> list[Waiting]:
    """Return the oldest pending rows whose turn it is, at most `limit`."""
    rows = await connection.fetch(
        "SELECT s.id, s.meter_id, m.owner_wallet, s.sequence, s.algorithm, s.signature, s.record,"
        " s.attempts,"
        # The key that the sequence asks for; where none is left, the chain refuses the reading.
        " CASE WHEN s.sequence <= m.previous_key_last_sequence"
        " THEN coalesce(m.previous_algorithm, m.algorithm) ELSE m.algorithm END AS key_algorithm,"
        " CASE WHEN s.sequence <= m.previous_key_last_sequence"
        " THEN coalesce(m.previous_public_key, m.public_key) ELSE m.public_key END AS public_key"
        " FROM settlements s JOIN meters m USING (meter_id)"
        " WHERE s.status = 'pending' AND (s.attempts < $2 OR s.updated_at"
        " + least($3, power(2, least(s.attempts, 10))) * interval '1 second' <= now())"
        " ORDER BY s.attempts >= $2, s.id LIMIT $1",
        limit,
        ALONE_AFTER_ATTEMPTS,
        LONGEST_WAIT_S,
    )
    return [_waiting(row) for row in rows]


def _waiting(row: asyncpg.Record) -> Waiting:
    return Waiting(
        row_id=row["id"],
        meter_id=row["meter_id"],
        owner=Pubkey.from_string(row["owner_wallet"]),
        sequence=row["sequence"],
        key_algorithm=row["key_algorithm"],
        public_key=row["public_key"],
        signature=row["signature"],
        message=signed_record_message(row["algorithm"], row["record"]),
        attempts=row["attempts"],
    )


async def sent(connection: Connection) -> list[Sent]:
    """Return the rows that were sent and whose settlement the indexer has not seen."""
    rows = await connection.fetch(
        "SELECT id, meter_id, sequence, tx_signature, tx_position, last_valid_block_height"
        " FROM settlements WHERE status = 'sent' ORDER BY id"
    )
    return [Sent(*row) for row in rows]


async def mark_sent(connection: Connection, rows: Sequence[Sent]) -> None:
    """Note, before anything is sent, by which transaction each row will be known."""
    await connection.execute(
        "UPDATE settlements s SET status = 'sent', tx_signature = t.tx_signature,"
        " tx_position = t.position, last_valid_block_height = t.height,"
        " attempts = attempts + 1, updated_at = now()"
        " FROM unnest($1::bigint[], $2::text[], $3::smallint[], $4::bigint[])"
        " AS t (id, tx_signature, position, height)"
        " WHERE s.id = t.id AND s.status = 'pending'",
        [row.row_id for row in rows],
        [row.tx_signature for row in rows],
        [row.position for row in rows],
        [row.last_valid_block_height for row in rows],
    )


async def mark_unopened(connection: Connection, row: Waiting, error: str) -> None:
    """Record that the program refuses to make the accounts without which nothing is settled."""
    await connection.execute(
        "UPDATE settlements SET status = 'refused', error = $2, updated_at = now()"
        " WHERE id = $1 AND status = 'pending'",
        row.row_id,
        error,
    )


async def mark_delayed(connection: Connection, row: Waiting, error: str) -> None:
    """Note why a row's accounts were not made, though no program refused: it has its turn again."""
    await connection.execute(
        "UPDATE settlements SET attempts = attempts + 1, error = $2, updated_at = now()"
        " WHERE id = $1 AND status = 'pending'",
        row.row_id,
        error,
    )


async def mark_pending(
    connection: Connection, rows: Sequence[Sent], error: str | None = None
) -> None:
    """Take back rows whose transaction had no effect and never will, with the reason if any."""
    for row in rows:
        await _leave_sent(connection, row, "pending", error)


async def mark_refused(connection: Connection, row: Sent, error: str) -> None:
    """Record the program's verdict."""
    await _leave_sent(connection, row, "refused", error)


async def mark_superseded(connection: Connection, row: Sent) -> None:
    """Close a row whose meter is settled up to here or further.

    When it was this very record that was settled, the indexer says so with the event.
    """
    await _leave_sent(connection, row, "superseded", None)


async def _leave_sent(connection: Connection, row: Sent, status: str, error: str | None) -> None:
    await connection.execute(
        "UPDATE settlements SET status = $2, error = $3, updated_at = now()"
        " WHERE id = $1 AND status = 'sent' AND tx_signature = $4",
        row.row_id,
        status,
        error,
        row.tx_signature,
    )
