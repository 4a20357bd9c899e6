"""Monthly partitions of `readings`, made ahead of time.

A month keeps the number of partitions small enough that a look-up by meter and sequence, which
cannot tell the month, stays cheap, and still lets retention drop a whole table at once. Readings
of other months go to `readings_default`.
"""

from datetime import UTC, datetime

import asyncpg

ADVISORY_LOCK = 0x475459

MOVE = """
WITH moved AS (
    DELETE FROM readings_default WHERE time >= '{start}' AND time < '{end}' RETURNING *
)
INSERT INTO {name} SELECT * FROM moved
"""


async def ensure_partitions(pool: asyncpg.Pool, now_ms: int) -> None:
    """Create the partitions of last, this and next month (UTC) where they are absent.

    Readings of these months that already lie in the default partition move along.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ADVISORY_LOCK)
        for offset in (-1, 0, 1):
            start, end = month(now_ms, offset), month(now_ms, offset + 1)
            name = f"readings_{start:%Y_%m}"
            if await connection.fetchval("SELECT to_regclass($1)", name) is None:
                await _create(connection, name, start, end)


def month(now_ms: int, offset: int) -> datetime:
    """Return the first moment of the month that is `offset` months after that of `now_ms`."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    months = now.year * 12 + now.month - 1 + offset
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


async def _create(
    connection: asyncpg.pool.PoolConnectionProxy, name: str, start: datetime, end: datetime
) -> None:
    """Fill the table before it is attached: attaching refuses rows left in the default."""
    await connection.execute(f"CREATE TABLE {name} (LIKE readings INCLUDING ALL)")
    await connection.execute(MOVE.format(name=name, start=start, end=end))
    await connection.execute(
        f"ALTER TABLE readings ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')"
    )
