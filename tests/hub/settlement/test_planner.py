import asyncio
from typing import Any

import asyncpg
import pytest
from tests.hub.settlement import rows

from gridtokenx_hub.settlement.planner import plan
from gridtokenx_protocol.record import ClockStatus, Flag

METER = b"meter-0123456789"[:16]
OTHER = b"other-0123456789"[:16]
QUARTER_S = 900
LATER_MS = rows.T0_MS + 1000 * rows.QUARTER_MS


@pytest.fixture
async def meters(pool: asyncpg.Pool) -> asyncpg.Pool:
    await rows.deployment(pool)
    await rows.meter(pool, METER)
    await rows.meter(pool, OTHER)
    return pool


async def planned(pool: asyncpg.Pool, period_s: int = QUARTER_S, now_ms: int = LATER_MS) -> int:
    async with pool.acquire() as connection:
        return await plan(connection, period_s, now_ms)


async def test_the_newest_settlement_reading_of_each_meter_goes_into_the_outbox(
    meters: asyncpg.Pool,
) -> None:
    newest = rows.record(METER, 5, 2)
    for stored in (rows.record(METER, 3, 1), newest, rows.record(OTHER, 3, 1)):
        await rows.reading(meters, stored)

    assert await planned(meters) == 2

    (kept,) = await meters.fetch("SELECT * FROM settlements WHERE meter_id = $1", METER)
    assert kept["record"] == newest.encode()
    assert (kept["sequence"], kept["status"], kept["attempts"]) == (5, "pending", 0)
    assert await planned(meters) == 0


@pytest.mark.parametrize(
    "unfit",
    [
        {"flags": int(ClockStatus.SYNCHRONISED)},
        {"flags": int(ClockStatus.INFORMATIVE | Flag.SETTLEMENT)},
        {"flags": rows.SETTLEMENT_FLAGS | Flag.METER_FAULT},
        {"flags": rows.SETTLEMENT_FLAGS | Flag.REGISTER_REPLACED},
        {"flags": rows.SETTLEMENT_FLAGS | Flag.TAMPER},
        {"produced_mwh": 100, "surplus_mwh": 0},
        {"time_ms": rows.T0_MS + rows.QUARTER_MS - 1},
        {"sequence": 1},
    ],
    ids=["ordinary", "clock", "fault", "replaced", "tamper", "unchanged", "early", "baseline"],
)
async def test_a_reading_that_the_chain_would_refuse_is_not_offered(
    meters: asyncpg.Pool, unfit: dict[str, Any]
) -> None:
    await rows.reading(meters, rows.record(METER, 3, 1, **unfit))

    assert await planned(meters) == 0


@pytest.mark.parametrize(
    ("column", "due"),
    [
        (None, 1),
        ("claimed_at = NULL", 0),
        ("withdrawn_at = now()", 0),
        ("tx_signature = 'done'", 0),
        ("expires_at = to_timestamp(0)", 0),
        ("code_hash = NULL", 0),
        ("purpose = 'rotate_key'", 0),
    ],
)
async def test_what_a_change_waits_for_is_due_at_once(
    meters: asyncpg.Pool, column: str | None, due: int
) -> None:
    """Whatever its age, and even with the registers that were settled last."""
    await rows.change_claimed(meters, METER)
    if column is not None:
        await meters.execute(f"UPDATE provisioning_codes SET {column}")  # noqa: S608 - from above
    await rows.reading(meters, rows.record(METER, 3, 1, produced_mwh=100, surplus_mwh=0))
    await rows.reading(meters, rows.record(OTHER, 3, 1))
    assert await planned(meters, period_s=1000 * QUARTER_S + 1) == due
    assert await planned(meters, period_s=1000 * QUARTER_S + 1) == 0


async def test_a_gap_alone_does_not_hold_a_reading_back(meters: asyncpg.Pool) -> None:
    await rows.reading(meters, rows.record(METER, 3, 1, flags=rows.SETTLEMENT_FLAGS | Flag.GAP))

    assert await planned(meters) == 1


async def test_a_reading_of_the_future_waits_for_its_time(meters: asyncpg.Pool) -> None:
    await rows.reading(meters, rows.record(METER, 3, 4))

    assert await planned(meters, now_ms=rows.T0_MS + 4 * rows.QUARTER_MS - 1) == 0
    assert await planned(meters, now_ms=rows.T0_MS + 4 * rows.QUARTER_MS) == 1


async def test_suspended_meters_are_left_out(meters: asyncpg.Pool) -> None:
    await meters.execute("UPDATE meters SET status = 'suspended'")
    await rows.reading(meters, rows.record(METER, 3, 1))

    assert await planned(meters) == 0


async def test_the_period_counts_from_the_last_settled_reading(meters: asyncpg.Pool) -> None:
    await rows.settled(meters, rows.record(METER, 3, 1))
    await rows.reading(meters, rows.record(METER, 5, 96))

    assert await planned(meters, period_s=96 * QUARTER_S) == 0
    await rows.reading(meters, rows.record(METER, 7, 97))
    assert await planned(meters, period_s=96 * QUARTER_S) == 1


async def test_a_waiting_row_is_superseded_by_a_newer_reading(meters: asyncpg.Pool) -> None:
    await rows.reading(meters, rows.record(METER, 3, 1))
    await planned(meters)
    await rows.reading(meters, rows.record(METER, 5, 2))
    await planned(meters)

    assert await rows.states(meters) == {3: "superseded", 5: "pending"}


async def test_a_row_on_its_way_is_never_superseded(meters: asyncpg.Pool) -> None:
    await rows.reading(meters, rows.record(METER, 3, 1))
    await planned(meters)
    await meters.execute("UPDATE settlements SET status = 'sent'")
    await rows.reading(meters, rows.record(METER, 5, 2))

    assert await planned(meters) == 0
    assert await rows.states(meters) == {3: "sent"}


async def test_a_refused_reading_is_not_offered_again(meters: asyncpg.Pool) -> None:
    await rows.reading(meters, rows.record(METER, 3, 1))
    await planned(meters)
    await meters.execute("UPDATE settlements SET status = 'refused'")

    assert await planned(meters) == 0
    await rows.reading(meters, rows.record(METER, 5, 2))
    assert await planned(meters) == 1


async def test_the_planner_waits_for_an_indexer_that_is_writing_a_settlement(
    meters: asyncpg.Pool,
) -> None:
    await rows.reading(meters, rows.record(METER, 3, 1))
    async with meters.acquire() as indexer:
        transaction = indexer.transaction()
        await transaction.start()
        await indexer.execute(
            "INSERT INTO ledgers SELECT $1, 3, $2, 103, 50, 3, 3", METER, LATER_MS
        )
        planning = asyncio.create_task(planned(meters))
        async with asyncio.timeout(10):
            while not await meters.fetchval(  # noqa: ASYNC110 - only the server knows
                "SELECT count(*) FROM pg_locks WHERE NOT granted"
            ):
                await asyncio.sleep(0)
        await transaction.commit()

        assert await planning == 0
