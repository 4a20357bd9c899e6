"""Letting go of what is old: raw readings after 90 days, quarter-hours after two years.

With the readings go their verdicts; what is kept for other times is in `journals.py`.

A reading that was settled stays, and the one before it with the raw registers: somebody may ask
where a token comes from. So does each meter's newest settlement reading, which may be settled yet.
"""

import datetime as dt

from gridtokenx_hub.database.partitions import ADVISORY_LOCK, Partition, partitions
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.readings.forgetting import forget_verdicts
from gridtokenx_hub.readings.journals import clear_journals

RAW_DAYS = 90
QUARTER_HOUR_DAYS = 731
TIMEOUT_S = 3_600.0
DAY = dt.timedelta(days=1)

KEPT = """
EXISTS (SELECT FROM settlements s WHERE s.meter_id = r.meter_id AND s.status <> 'superseded'
        AND s.sequence IN (r.sequence, r.sequence + 1))
OR (r.flags & 4 <> 0 AND NOT EXISTS (
    SELECT FROM readings n WHERE n.meter_id = r.meter_id AND n.sequence > r.sequence
    AND n.flags & 4 <> 0))
"""
NOT_ROLLED_UP = """
SELECT EXISTS (SELECT FROM {table} WHERE commit_id >= (SELECT commit_id FROM rollup_state))
"""
KEEP = "CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {table} r WHERE {kept}"
FORGET = """
DELETE FROM readings_default r
WHERE time < $1 AND commit_id < (SELECT commit_id FROM rollup_state) AND NOT ({kept})
"""


def surely_kept_since_ms(now_ms: int) -> int:
    """Return the Unix ms from which on every raw reading is still there.

    A day later than what is let go of at `now_ms`: whoever asks may do so for a while, and by a
    clock of its own.
    """
    return now_ms - (RAW_DAYS - 1) * DAY // dt.timedelta(milliseconds=1)


async def retire(connection: Connection, now_ms: int) -> list[str]:
    """Let go of what is past its age; return the tables that were dropped.

    While a backup is being taken, nothing goes.
    """
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", ADVISORY_LOCK):
        return []
    try:
        dropped = await _retire_tables(connection, now)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", ADVISORY_LOCK)
    await forget_verdicts(connection, now - RAW_DAYS * DAY)
    await clear_journals(connection, now)
    return dropped


async def _retire_tables(connection: Connection, now: dt.datetime) -> list[str]:
    dropped = [
        partition.name
        for partition in await partitions(connection, "readings")
        if partition.end <= now - RAW_DAYS * DAY and await _retire_raw(connection, partition)
    ]
    await connection.execute(FORGET.format(kept=KEPT), now - RAW_DAYS * DAY, timeout=TIMEOUT_S)
    for partition in await partitions(connection, "quarter_hours"):
        if partition.end <= now - QUARTER_HOUR_DAYS * DAY:
            await connection.execute(f"DROP TABLE {partition.name}")
            dropped.append(partition.name)
    await connection.execute(
        "DELETE FROM quarter_hours_default WHERE start < $1", now - QUARTER_HOUR_DAYS * DAY
    )
    return dropped


async def _retire_raw(connection: Connection, partition: Partition) -> bool:
    """Drop a month of readings but for what is kept, which goes to the default partition."""
    async with connection.transaction():
        if await connection.fetchval(NOT_ROLLED_UP.format(table=partition.name)):
            return False  # its turn comes
        await connection.execute(KEEP.format(table=partition.name, kept=KEPT), timeout=TIMEOUT_S)
        await connection.execute(f"ALTER TABLE readings DETACH PARTITION {partition.name}")
        await connection.execute("INSERT INTO readings SELECT * FROM kept")
        await connection.execute(f"DROP TABLE {partition.name}")
    return True
