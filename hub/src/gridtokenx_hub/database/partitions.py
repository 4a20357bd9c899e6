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
"""Held by whoever makes or drops a month's table; shared by a backup, which must find them all
until it has read them."""
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
    """A month of a table."""

    table: str
    start: dt.datetime
    end: dt.datetime

    @property
    def name(self) -> str:
        """Name of the month's own table."""
        return f"{self.table}_{self.start:%Y_%m}"


async def ensure_partitions(pool: asyncpg.Pool, now_ms: int) -> None:
    """Create the partitions of last, this and next month (UTC) where they are absent.

    Rows of these months that already lie in the default partition move along.
    """
    async with pool.acquire() as connection, connection.transaction():
        if not await _absent(connection, now_ms):
            return
        await connection.execute("SELECT pg_advisory_xact_lock($1)", ADVISORY_LOCK)
        for partition in await _absent(connection, now_ms):
            await create_partition(connection, partition)


async def _absent(connection: Connection, now_ms: int) -> list[Partition]:
    """Return the partitions of the months around `now_ms` that are not there."""
    wanted = [
        Partition(table, month(now_ms, offset), month(now_ms, offset + 1))
        for table in TIME_COLUMN
        for offset in (-1, 0, 1)
    ]
    there = [
        partition for table in TIME_COLUMN for partition in await partitions(connection, table)
    ]
    return [partition for partition in wanted if partition not in there]


async def partitions(connection: Connection, table: str) -> list[Partition]:
    """Return the months of a table that have a partition of their own, oldest first."""
    named = [partition_of(row["name"]) for row in await connection.fetch(CHILDREN, table)]
    return [partition for partition in named if partition is not None]


def partition_of(name: str) -> Partition | None:
    """Return the month whose table bears this name; None when it is no month's."""
    match = re.fullmatch(rf"({'|'.join(TIME_COLUMN)})_(\d\d\d\d)_(\d\d)", name)
    if match is None:
        return None
    start = dt.datetime(int(match[2]), int(match[3]), 1, tzinfo=dt.UTC)
    return Partition(match[1], start, month(int(start.timestamp()) * 1000, 1))


def month(now_ms: int, offset: int) -> dt.datetime:
    """Return the first moment of the month that is `offset` months after that of `now_ms`."""
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    months = now.year * 12 + now.month - 1 + offset
    return dt.datetime(months // 12, months % 12 + 1, 1, tzinfo=dt.UTC)


async def create_partition(connection: Connection, partition: Partition) -> None:
    """Create a month's table; rows of the month that lie in the default partition move along.

    It is filled before it is attached: attaching refuses rows left in the default.
    """
    name, table, start, end = partition.name, partition.table, partition.start, partition.end
    await connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
    time = TIME_COLUMN[table]
    await connection.execute(MOVE.format(table=table, time=time, name=name, start=start, end=end))
    await connection.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')"
    )
