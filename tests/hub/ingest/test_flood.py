"""Floods of rubbish: they fill neither tables nor memory, and hold nobody up."""

import asyncio
import random

import asyncpg
import pytest

from gridtokenx_hub.ingest import Ingest, gate
from gridtokenx_hub.ingest import ingest as module
from gridtokenx_hub.ingest.budget import ROWS_IN_ALL, ROWS_PER_METER, WINDOW_MS, QuarantineBudget
from gridtokenx_protocol.topics import readings_topic

from .devices import Gateway, Meter, new_meter, now_ms, register, until


async def test_random_bytes_on_a_meters_topic_hold_it_up_in_nothing(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    chance = random.Random(2)  # noqa: S311 - the same bytes each time
    genuine = meter.messages[1]
    for number in range(400):
        if number % 2:
            noise = chance.randbytes(chance.randint(0, 400))
        else:
            mutable = bytearray(genuine)
            mutable[chance.randrange(len(mutable))] ^= chance.randint(1, 255)
            noise = bytes(mutable)
        await gateway.publish(meter, noise)
    await gateway.publish(meter)
    await gateway.acked(meter, 2)
    assert ingest.counters.quarantined.total() == 400
    assert ingest.counters.unrecorded == 400 - ROWS_PER_METER
    assert await pool.fetchval("SELECT count(*) FROM quarantine") == ROWS_PER_METER
    assert await pool.fetchval("SELECT count(*) FROM readings") == 1


async def test_meters_that_nobody_registered_do_not_fill_the_tables(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    stranger = new_meter(1000)
    for number in range(ROWS_IN_ALL + 100):
        topic = readings_topic((10_000 + number).to_bytes(16, "big"))
        await gateway.publish_raw(topic, stranger.messages[1])
    await gateway.publish(meter)
    await gateway.acked(meter, 2)
    assert ingest.counters.quarantined["unknown_meter"] == ROWS_IN_ALL + 100
    assert await pool.fetchval("SELECT count(*) FROM quarantine") == ROWS_IN_ALL
    assert await pool.fetchval("SELECT count(*) FROM acks") == 1
    assert await pool.fetchval("SELECT count(*) FROM verdicts WHERE sequence > 1") == 1


async def test_a_message_of_a_megabyte_is_not_even_delivered(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    await gateway.publish_raw(meter.topic, b"\xd2" * 1_000_000)
    await gateway.publish_raw(meter.topic, meter.messages[1] + bytes(20_000))
    await gateway.publish(meter)
    await gateway.acked(meter, 2)
    assert ingest.counters.received == 2
    row = await pool.fetchrow(
        "SELECT reason, detail, octet_length(payload) AS size FROM quarantine"
    )
    assert row is not None
    assert (row["reason"], row["size"]) == ("malformed", 1024)
    assert "the first 1024 of 20" in row["detail"]


async def test_messages_of_qos_0_are_taken_like_others(
    gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    for _ in range(50):
        await gateway.publish_raw(meter.topic, meter.message(), qos=0)
    await gateway.acked(meter, 51)
    assert ingest.counters.discarded == 0


async def test_a_flood_from_one_meter_is_not_even_verified(
    pool: asyncpg.Pool,
    gateway: Gateway,
    ingest: Ingest,
    meter: Meter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "MESSAGES_PER_SECOND", 50)
    forged = bytearray(meter.messages[1])
    forged[-1] ^= 1
    others = [new_meter(number) for number in range(20, 30)]
    for other in others:
        await register(pool, other)
    began_s = now_ms() // 1000
    for number in range(2_000):
        await gateway.publish(meter, bytes(forged))
        if number % 200 == 0:
            await gateway.publish(others[number // 200])
    for other in others:
        await gateway.acked(other, 2)
    await until(lambda: ingest.counters.quarantined.total() + ingest.counters.floods == 2_000)
    seconds = now_ms() // 1000 - began_s + 1
    assert ingest.counters.quarantined["bad_signature"] <= 50 * seconds
    assert ingest.counters.floods > 0
    # what was let go is not lost to an honest device: it sends again
    async with asyncio.timeout(20):
        while ingest.counters.stored < len(others) + 1:
            await gateway.publish(meter, meter.messages.get(2) or meter.message())
            await asyncio.sleep(0.2)


async def test_memory_is_bounded_when_a_flood_of_qos_0_meets_a_database_that_is_away(
    pool: asyncpg.Pool,
    gateway: Gateway,
    ingest: Ingest,
    meter: Meter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "UNSURE_LIMIT", 50)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE acks IN ACCESS EXCLUSIVE MODE")
        for _ in range(400):
            await gateway.publish_raw(meter.topic, meter.messages[1], qos=0)
            await asyncio.sleep(0)
        await until(lambda: ingest.counters.received == 400)
        assert ingest.counters.discarded >= 200
    await gateway.publish(meter)
    await gateway.acked(meter, 2)


def test_the_budget_is_per_meter_and_in_all_and_comes_back() -> None:
    now_ms = 10 * WINDOW_MS
    budget = QuarantineBudget(lambda: now_ms)
    assert [budget.allow(b"one") for _ in range(ROWS_PER_METER + 1)].count(True) == ROWS_PER_METER
    granted = sum(budget.allow(number.to_bytes(4, "big")) for number in range(2 * ROWS_IN_ALL))
    assert granted == ROWS_IN_ALL - ROWS_PER_METER
    assert not budget.allow(None)
    now_ms += WINDOW_MS
    assert budget.allow(b"one")
