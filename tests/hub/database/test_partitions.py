"""Partitions of readings: made ahead, and whatever lies in the default one moves along."""

import asyncio
import datetime as dt

import asyncpg

from gridtokenx_hub.database import ensure_partitions
from gridtokenx_hub.database.partitions import month

UTC = dt.UTC


def ms(year: int, month_: int, day: int, hour: int = 0) -> int:
    return int(dt.datetime(year, month_, day, hour, tzinfo=UTC).timestamp()) * 1000


async def insert(pool: asyncpg.Pool, sequence: int, time_ms: int) -> str:
    """Insert a reading; return the table that it lies in."""
    table: str = await pool.fetchval(
        "INSERT INTO readings VALUES ('m', $1, to_timestamp($2::bigint / 1000), $2, 0, 0, 0, 0, 0,"
        " 0, 0, 0, '', '', NULL, -8, '', 1, 1) RETURNING tableoid::regclass::text",
        sequence,
        time_ms,
    )
    return table


async def test_a_reading_lies_in_its_month(pool: asyncpg.Pool) -> None:
    await ensure_partitions(pool, ms(2026, 12, 31, 23))
    assert await insert(pool, 1, ms(2026, 11, 1)) == "readings_2026_11"
    assert await insert(pool, 2, ms(2026, 12, 1)) == "readings_2026_12"
    assert await insert(pool, 3, ms(2027, 1, 1) - 1) == "readings_2026_12"
    assert await insert(pool, 4, ms(2027, 1, 1)) == "readings_2027_01"
    assert await insert(pool, 5, ms(2026, 10, 31, 23)) == "readings_default"
    assert await insert(pool, 6, ms(2027, 2, 1)) == "readings_default"


async def test_readings_in_the_default_partition_move_along(pool: asyncpg.Pool) -> None:
    for sequence, day in enumerate((1, 15, 30), start=1):
        assert await insert(pool, sequence, ms(2026, 6, day)) == "readings_default"
    await insert(pool, 4, ms(2020, 1, 1))
    await ensure_partitions(pool, ms(2026, 6, 20))
    assert await pool.fetchval("SELECT count(*) FROM readings_2026_06") == 3
    assert await pool.fetchval("SELECT count(*) FROM readings_default") == 1
    assert await pool.fetchval("SELECT count(*) FROM readings") == 4


async def test_again_and_at_once_changes_nothing(pool: asyncpg.Pool) -> None:
    await asyncio.gather(*(ensure_partitions(pool, ms(2026, 6, 20)) for _ in range(4)))
    await ensure_partitions(pool, ms(2026, 7, 20))
    rows = await pool.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
        " WHERE inhparent = 'readings'::regclass ORDER BY 1"
    )
    assert [row["name"] for row in rows] == [
        "readings_2026_05",
        "readings_2026_06",
        "readings_2026_07",
        "readings_2026_08",
        "readings_default",
    ]


async def test_a_look_up_by_meter_and_sequence_uses_an_index_in_each(pool: asyncpg.Pool) -> None:
    await ensure_partitions(pool, ms(2026, 6, 20))
    plan = await pool.fetch(
        "EXPLAIN SELECT 1 FROM readings WHERE meter_id = 'm' AND sequence < 5"
        " ORDER BY sequence DESC LIMIT 1"
    )
    text = "\n".join(row[0] for row in plan)
    assert text.count("Index Cond") == 4
    assert "Seq Scan" not in text


def test_months() -> None:
    assert month(ms(2026, 1, 31), -1) == dt.datetime(2025, 12, 1, tzinfo=UTC)
    assert month(ms(2026, 12, 1), 1) == dt.datetime(2027, 1, 1, tzinfo=UTC)
    assert month(ms(2026, 3, 31), -1) == dt.datetime(2026, 2, 1, tzinfo=UTC)
