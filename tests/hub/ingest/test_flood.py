"""Floods of rubbish: they fill neither tables nor memory, and hold nobody up."""

import random

import asyncpg

from gridtokenx_hub.ingest import Ingest
from gridtokenx_hub.ingest.budget import ROWS_IN_ALL, ROWS_PER_METER, WINDOW_MS, QuarantineBudget
from gridtokenx_protocol.topics import readings_topic

from .devices import Gateway, Meter, new_meter


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


def test_the_budget_is_per_meter_and_in_all_and_comes_back() -> None:
    now_ms = 10 * WINDOW_MS
    budget = QuarantineBudget(lambda: now_ms)
    assert [budget.allow(b"one") for _ in range(ROWS_PER_METER + 1)].count(True) == ROWS_PER_METER
    granted = sum(budget.allow(number.to_bytes(4, "big")) for number in range(2 * ROWS_IN_ALL))
    assert granted == ROWS_IN_ALL - ROWS_PER_METER
    assert not budget.allow(None)
    now_ms += WINDOW_MS
    assert budget.allow(b"one")
