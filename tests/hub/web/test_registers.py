"""What meters measured between instants, out of their quarter-hours."""

import datetime as dt
import json
import os

import asyncpg
import pytest

from gridtokenx_hub.web.queries.registers import QUARTER_HOUR, Measured, measured

START = dt.datetime(2025, 11, 24, tzinfo=dt.UTC)
INSTANTS = [START + QUARTER_HOUR * index for index in range(5)]
NOW = INSTANTS[-1]


@pytest.fixture
def meter() -> bytes:
    return os.urandom(16)


async def register(pool: asyncpg.Pool, meter: bytes, baseline_mwh: int) -> None:
    await pool.execute(
        "INSERT INTO meters VALUES ($1, 'owner', 0, '\\x00', 'active', 1, 1, 1, 1, 0, $2, 0, 0,"
        " '\\x00', $3)",
        meter,
        baseline_mwh,
        START,
    )


async def quarter(pool: asyncpg.Pool, meter: bytes, index: int, produced_mwh: int) -> None:
    await pool.execute(
        "INSERT INTO quarter_hours VALUES ($1, $2, 1, $3, $4, 0, 0, 0, 0)",
        meter,
        START + QUARTER_HOUR * index,
        index + 10,
        produced_mwh,
    )


def produced(spans: list[Measured]) -> list[int | None]:
    return [span.produced_mwh if span.known else None for span in spans]


async def test_a_quarter_hour_is_the_rise_of_its_registers(
    pool: asyncpg.Pool, meter: bytes
) -> None:
    await register(pool, meter, 1_000)
    for index, value in ((0, 1_010), (1, 1_030), (3, 1_060)):
        await quarter(pool, meter, index, value)
    assert produced(await measured(pool, [meter], INSTANTS, NOW)) == [10, 20, 0, 30]


async def test_what_came_before_counts_from_there(pool: asyncpg.Pool, meter: bytes) -> None:
    await register(pool, meter, 0)
    await quarter(pool, meter, -3, 500)
    await quarter(pool, meter, 1, 530)
    assert produced(await measured(pool, [meter], INSTANTS, NOW)) == [0, 30, 0, 0]


async def test_before_the_first_reading_and_in_the_future_nothing_is_known(
    pool: asyncpg.Pool, meter: bytes
) -> None:
    await register(pool, meter, 0)
    await quarter(pool, meter, 1, 7)
    now = INSTANTS[2] + dt.timedelta(seconds=1)
    assert produced(await measured(pool, [meter], INSTANTS, now)) == [None, 7, 0, None]


async def test_meters_add_up(pool: asyncpg.Pool, meter: bytes) -> None:
    other = os.urandom(16)
    for each, value in ((meter, 5), (other, 8)):
        await register(pool, each, 0)
        await quarter(pool, each, 0, value)
    assert produced(await measured(pool, [meter, other], INSTANTS, NOW)) == [13, 0, 0, 0]


async def test_what_was_before_a_transfer_is_anothers(pool: asyncpg.Pool, meter: bytes) -> None:
    await register(pool, meter, 0)
    for index in range(4):
        await quarter(pool, meter, index, 10 * (index + 1))
    data = {"meter_id": meter.hex(), "timestamp": int(INSTANTS[2].timestamp())}
    await pool.execute(
        "INSERT INTO events (program, sequence, slot, tx_signature, name, data)"
        " VALUES ('registry', 1, 1, 's', 'MeterTransferred', $1)",
        json.dumps(data),
    )
    assert produced(await measured(pool, [meter], INSTANTS, NOW)) == [0, 0, 10, 10]


async def test_a_replaced_meter_measures_nothing_backwards(
    pool: asyncpg.Pool, meter: bytes
) -> None:
    await register(pool, meter, 0)
    for index, value in enumerate((1_000, 3, 5, 9)):
        await quarter(pool, meter, index, value)
    assert produced(await measured(pool, [meter], INSTANTS, NOW)) == [1_000, 0, 2, 4]
