"""Quarter-hours and days come to the same in whatever order and company readings arrive."""

import asyncio
import random
from typing import Any

import asyncpg
import pytest

from gridtokenx_hub.readings import Upkeep
from gridtokenx_hub.readings import rollups as module
from gridtokenx_hub.readings.rollups import roll_up

from .rows import SETTLEMENT, insert, ms

NOON = ms(2026, 6, 20, 12)
MINUTE_MS = 60_000
ALL = "SELECT * FROM {table} ORDER BY meter_id, start"


async def roll_all(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        while await roll_up(connection):
            pass


async def rows(pool: asyncpg.Pool, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await pool.fetch(ALL.format(table=table))]


async def test_what_a_quarter_hour_says(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await insert(connection, 1, NOON)
        await insert(connection, 2, NOON + 1, power_mw=-40)
        await insert(connection, 3, NOON + 14 * MINUTE_MS, power_mw=70)
        await insert(connection, 4, NOON + 15 * MINUTE_MS, flags=SETTLEMENT)
        await insert(connection, 5, NOON + 15 * MINUTE_MS + 1, power_mw=9)
    await roll_all(pool)
    first, second, third = await rows(pool, "quarter_hours")
    assert [int(row["start"].timestamp()) * 1000 - NOON for row in (first, second, third)] == [
        -15 * MINUTE_MS,
        0,
        15 * MINUTE_MS,
    ], "a reading at the boundary closes its quarter-hour"
    assert (second["readings"], second["last_sequence"]) == (3, 4)
    assert (second["produced_mwh"], second["consumed_mwh"], second["surplus_mwh"]) == (40, 80, 20)
    assert (second["lowest_power_mw"], second["highest_power_mw"]) == (-40, 70)
    (day,) = await rows(pool, "days")
    assert (int(day["start"].timestamp()) * 1000, day["readings"]) == (ms(2026, 6, 20), 5)
    assert (day["last_sequence"], day["produced_mwh"]) == (5, 50)


async def test_settlement_readings_alone_have_no_power(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await insert(connection, 1, NOON, flags=SETTLEMENT)
    await roll_all(pool)
    (row,) = await rows(pool, "quarter_hours")
    assert (row["lowest_power_mw"], row["highest_power_mw"]) == (None, None)


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_comes_to_the_same(pool: asyncpg.Pool, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same case each time
    readings = [
        (meter, sequence, NOON + sequence * 3 * MINUTE_MS, chance.randint(-99, 99))
        for meter in (b"a", b"b")
        for sequence in range(1, 41)
    ]
    async with pool.acquire() as connection:
        for meter, sequence, time_ms, power_mw in readings:
            await insert(connection, sequence, time_ms, power_mw=power_mw, meter=meter)
    await roll_all(pool)
    expected = [await rows(pool, table) for table in module.WIDTHS]
    await pool.execute("TRUNCATE readings, quarter_hours, days")
    chance.shuffle(readings)
    async with pool.acquire() as connection:
        while readings:
            async with connection.transaction():
                for _ in range(min(len(readings), chance.randint(1, 9))):
                    meter, sequence, time_ms, power_mw = readings.pop()
                    await insert(connection, sequence, time_ms, power_mw=power_mw, meter=meter)
            if chance.random() < 0.5:
                await roll_up(connection)
    await roll_all(pool)
    await roll_all(pool)
    assert [await rows(pool, table) for table in module.WIDTHS] == expected


async def test_a_transaction_that_ends_late_counts_once(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as early, pool.acquire() as late:
        transaction = late.transaction()
        await transaction.start()
        await insert(late, 1, NOON + 1)
        await insert(early, 2, NOON + 2)
        await roll_all(pool)
        assert await rows(pool, "days") == [], "what began later waits for what began before"
        await transaction.commit()
        await roll_all(pool)
        (day,) = await rows(pool, "days")
        assert (day["readings"], day["last_sequence"]) == (2, 2)


async def test_few_transactions_at_a_time(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRANSACTIONS_AT_ONCE", 3)
    async with pool.acquire() as connection:
        for sequence in range(1, 21):
            await insert(connection, sequence, NOON + sequence)
        assert await roll_up(connection)
    await roll_all(pool)
    (day,) = await rows(pool, "days")
    assert day["readings"] == 20


async def test_restored_into_another_cluster_nothing_counts_twice_or_never(
    pool: asyncpg.Pool,
) -> None:
    async with pool.acquire() as connection:
        await insert(connection, 1, NOON + 1)
        await roll_all(pool)
        await insert(connection, 2, NOON + 2)
        # the other cluster has had few transactions yet: all numbers are far ahead of its own
        await connection.execute("UPDATE readings SET commit_id = sequence + 1000000")
        await connection.execute(
            "UPDATE rollup_state SET commit_id = 1000002, system_identifier = 'another'"
        )
        await roll_all(pool)
        await insert(connection, 3, NOON + 3)
    await roll_all(pool)
    (day,) = await rows(pool, "days")
    assert (day["readings"], day["last_sequence"]) == (3, 3)


async def test_upkeep_rolls_up_as_readings_come(pool: asyncpg.Pool) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(Upkeep(pool, lambda: NOON, pause_s=0.02).run(stop))
    async with pool.acquire() as connection, asyncio.timeout(20):
        for sequence in range(1, 6):
            await insert(connection, sequence, NOON + sequence)
        while await connection.fetchval("SELECT readings FROM days") != 5:  # noqa: ASYNC110 - the server signals nothing
            await asyncio.sleep(0.02)
    stop.set()
    await task
