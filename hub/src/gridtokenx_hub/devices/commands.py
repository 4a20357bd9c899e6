"""Commands to devices: written to an outbox by whoever may, signed and sent by the device link."""

import asyncpg

from gridtokenx_hub.leadership import Connection
from gridtokenx_protocol.command import Command, CommandKind

ENQUEUE = """
INSERT INTO commands (meter_id, number, kind, from_sequence, expires_ms, created_at)
SELECT meter_id, greatest($2, 1 + (SELECT max(number) FROM commands WHERE meter_id = $1)),
       $3, $4, $5, to_timestamp($2 / 1000.0)
FROM meters WHERE meter_id = $1 AND status <> 'revoked'
RETURNING number
"""
UNSENT = """
SELECT meter_id, number, kind, from_sequence, expires_ms FROM commands
WHERE sent_at IS NULL AND expires_ms > $1 ORDER BY number LIMIT $2
"""
SENT = """
UPDATE commands SET sent_at = to_timestamp($3 / 1000.0) WHERE meter_id = $1 AND number = $2
"""


class UnknownMeter(LookupError):
    """No meter of this id is registered, or it is revoked."""


async def command(
    pool: asyncpg.Pool,
    meter_id: bytes,
    kind: CommandKind,
    from_sequence: int,
    expires_s: int,
    now_ms: int,
) -> int:
    """Put a command into the outbox; return its number.

    Args:
        pool: the hub's database.
        meter_id: whose device.
        kind: what it is to do.
        from_sequence: first reading to send again; 0 for other kinds.
        expires_s: how long it may be obeyed.
        now_ms: the present instant, Unix ms.

    Raises:
        Malformed: kind and sequence do not go together.
        UnknownMeter: nobody would obey it.
    """
    expires_ms = now_ms + 1000 * expires_s
    Command(bytes(4), meter_id, now_ms, expires_ms, kind, from_sequence)
    number: int | None = await pool.fetchval(
        ENQUEUE, meter_id, now_ms, int(kind), from_sequence, expires_ms
    )
    if number is None:
        raise UnknownMeter(f"no meter {meter_id.hex()} is registered and not revoked")
    return number


async def unsent(
    connection: Connection, deployment: bytes, now_ms: int, limit: int
) -> list[Command]:
    """Return the commands that wait and count still, oldest first."""
    return [
        Command(
            deployment,
            row["meter_id"],
            row["number"],
            row["expires_ms"],
            CommandKind(row["kind"]),
            row["from_sequence"],
        )
        for row in await connection.fetch(UNSENT, now_ms, limit)
    ]


async def mark_sent(connection: Connection, sent: list[Command], now_ms: int) -> None:
    """Note that the broker has these."""
    rows = [(each.meter_id, each.number, now_ms) for each in sent]
    await connection.executemany(SENT, rows)
