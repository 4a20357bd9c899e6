"""Monthly partitions of `readings` and `quarter_hours`, made ahead of time.

A month keeps the number of partitions small enough that a look-up by meter and sequence, which
cannot tell the month, stays cheap, and still lets retention drop a whole table at once. Rows of
other months go to the default partition.
"""

import datetime as dt
import re
from dataclasses import dataclass

import asyncpg

from gridtokenx_hub.leadership import Connection

ADVISORY_LOCK = 0x475459
TIME_COLUMN = {"readings": "time", "quarter_hours": "start"}

MOVE = """
WITH moved AS (
    DELETE FROM {table}_default WHERE {time} >= '{start}' AND {time} < '{end}' RETURNING *
)
INSERT INTO {name} SELECT * FROM moved
"""
CHILDREN = """
SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Partition:
    """A month's table."""

    name: str
    start: dt.datetime
    end: dt.datetime


async def ensure_partitions(pool: asyncpg.Pool, now_ms: int) -> None:
    """Create the partitions of last, this and next month (UTC) where they are absent.

    Rows of these months that already lie in the default partition move along.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ADVISORY_LOCK)
        for table in TIME_COLUMN:
            there = {partition.name for partition in await partitions(connection, table)}
            for offset in (-1, 0, 1):
                start, end = month(now_ms, offset), month(now_ms, offset + 1)
                partition = Partition(f"{table}_{start:%Y_%m}", start, end)
                if partition.name not in there:
                    await _create(connection, table, partition)


async def partitions(connection: Connection, table: str) -> list[Partition]:
    """Return the months of a table that have a partition of their own, oldest first."""
    found = []
    for row in await connection.fetch(CHILDREN, table):
        match = re.fullmatch(rf"{table}_(\d\d\d\d)_(\d\d)", row["name"])
        if match:
            start = dt.datetime(int(match[1]), int(match[2]), 1, tzinfo=dt.UTC)
            end = month(int(start.timestamp()) * 1000, 1)
            found.append(Partition(row["name"], start, end))
    return found


def month(now_ms: int, offset: int) -> dt.datetime:
    """Return the first moment of the month that is `offset` months after that of `now_ms`."""
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    months = now.year * 12 + now.month - 1 + offset
    return dt.datetime(months // 12, months % 12 + 1, 1, tzinfo=dt.UTC)


async def _create(connection: Connection, table: str, partition: Partition) -> None:
    """Fill the table before it is attached: attaching refuses rows left in the default."""
    name, start, end = partition.name, partition.start, partition.end
    await connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
    time = TIME_COLUMN[table]
    await connection.execute(MOVE.format(table=table, time=time, name=name, start=start, end=end))
    await connection.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')"
    )
