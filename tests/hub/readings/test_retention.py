"""What is past its age goes, but for what a token comes from."""

import asyncpg

from gridtokenx_hub.database import ensure_partitions
from gridtokenx_hub.readings.retention import retire
from gridtokenx_hub.readings.rollups import roll_up

from .rows import SETTLEMENT, insert, ms

JUNE = ms(2026, 6, 20)
SEPTEMBER = ms(2026, 9, 29)
"""90 days after the last of June."""


async def sequences(pool: asyncpg.Pool) -> list[int]:
    rows = await pool.fetch("SELECT sequence FROM readings ORDER BY sequence")
    return [row["sequence"] for row in rows]


async def settle(pool: asyncpg.Pool, sequence: int, status: str) -> None:
    await pool.execute(
        "INSERT INTO settlements"
        " (meter_id, sequence, time_ms, record, algorithm, signature, status)"
        " VALUES ('m', $1, 0, $2, -8, '', $3)",
        sequence,
        bytes(120),
        status,
    )


async def roll_all(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        while await roll_up(connection):
            pass


async def test_a_month_goes_but_for_what_was_settled_and_what_may_be(pool: asyncpg.Pool) -> None:
    await ensure_partitions(pool, JUNE)
    async with pool.acquire() as connection:
        for sequence in range(1, 13):
            flags = SETTLEMENT if sequence % 3 == 0 else 3
            await insert(connection, sequence, JUNE + sequence, flags=flags)
        await settle(pool, 6, "settled")
        await settle(pool, 9, "superseded")
        empty = ["readings_2026_05"]
        assert await retire(connection, SEPTEMBER) == empty, "not rolled up yet"
        await roll_all(pool)
        assert await retire(connection, SEPTEMBER - 1) == [], "not past its age"
        assert await retire(connection, SEPTEMBER) == ["readings_2026_06"]
        assert await sequences(pool) == [5, 6, 12]
        await insert(connection, 13, ms(2026, 9, 1), flags=SETTLEMENT)
        await roll_all(pool)
        assert await retire(connection, SEPTEMBER) == []
        assert await sequences(pool) == [5, 6, 13], "12 is not the newest any more"
    assert await pool.fetchval("SELECT readings FROM days ORDER BY start LIMIT 1") == 12
    assert await pool.fetchval("SELECT readings FROM quarter_hours ORDER BY start LIMIT 1") == 12


async def test_old_readings_that_come_late_are_rolled_up_and_go(pool: asyncpg.Pool) -> None:
    await ensure_partitions(pool, SEPTEMBER)
    async with pool.acquire() as connection:
        await insert(connection, 1, JUNE)
        await retire(connection, SEPTEMBER)
        assert await sequences(pool) == [1], "not rolled up yet"
        await roll_all(pool)
        await retire(connection, SEPTEMBER)
    assert await sequences(pool) == []
    assert await pool.fetchval("SELECT readings FROM quarter_hours") == 1


async def test_quarter_hours_go_after_two_years_and_days_stay(pool: asyncpg.Pool) -> None:
    await ensure_partitions(pool, JUNE)
    async with pool.acquire() as connection:
        await insert(connection, 1, JUNE)
        await insert(connection, 2, ms(2020, 1, 1))
        await roll_all(pool)
        dropped = await retire(connection, ms(2028, 6, 30))
        assert "quarter_hours_2026_05" in dropped
        assert await pool.fetchval("SELECT count(*) FROM quarter_hours") == 1
        assert await retire(connection, ms(2028, 7, 2)) == ["quarter_hours_2026_06"]
    assert await pool.fetchval("SELECT count(*) FROM quarter_hours") == 0
    assert await pool.fetchval("SELECT count(*) FROM days") == 2
