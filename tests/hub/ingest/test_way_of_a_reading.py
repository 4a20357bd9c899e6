"""A reading's way through the real broker and the real database, when all is well."""

import asyncpg
import pytest

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.ingest import Ingest
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import Record

from .devices import (
    DEPLOYMENT,
    Gateway,
    Meter,
    new_meter,
    now_ms,
    open_gateway,
    register,
    running,
    until,
)


def signed_message(rows: list[asyncpg.Record], meter: Meter) -> bytes:
    """Put a message together again from the rows of its readings."""
    records = tuple(
        Record(
            deployment=DEPLOYMENT,
            meter_id=row["meter_id"],
            **{
                name: row[name]
                for name in Record.__dataclass_fields__
                if name not in ("deployment", "meter_id")
            },
        )
        for row in rows
    )
    assert {row["record_count"] for row in rows} == {len(rows)}
    assert {row["first_sequence"] for row in rows} == {rows[0]["sequence"]}
    payload = Payload(records, rows[-1]["extras"]).encode()
    signature: bytes = rows[-1]["signature"]
    return cose.sign(payload, meter.signer)[:-64] + signature


@pytest.mark.parametrize("algorithm", Algorithm)
async def test_a_reading_is_stored_as_signed_and_acknowledged(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, algorithm: Algorithm
) -> None:
    meter = new_meter(2, algorithm)
    await register(pool, meter)
    message = meter.message(
        meter.record(active_power_mw=-5, voltage_mv=230_000, current_ma=-7, frequency_mhz=50_000)
    )
    await gateway.publish(meter, message)
    before_ms = now_ms()
    ack = await gateway.acked(meter, 2)
    rows = await pool.fetch("SELECT * FROM readings")
    assert signed_message(rows, meter) == message
    assert rows[0]["time"].timestamp() * 1000 == pytest.approx(rows[0]["time_ms"], abs=0.001)
    assert rows[0]["hash"] == record_hash(meter.records[2]) == ack.hash
    assert (ack.deployment, ack.sequence) == (DEPLOYMENT, 2)
    assert ack.epoch == await pool.fetchval("SELECT epoch FROM hub_state")
    assert abs(ack.time_ms - before_ms) < 60_000
    assert ingest.counters.verified == ingest.counters.stored == 1


async def test_a_backlog_under_one_signature_is_stored_reading_by_reading(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    extras = encode_map({"phase_1_mv": 229_500})
    message = meter.message(*(meter.record() for _ in range(32)), extras=extras)
    await gateway.publish(meter, message)
    ack = await gateway.acked(meter, 33)
    rows = await pool.fetch("SELECT * FROM readings ORDER BY sequence")
    assert signed_message(rows, meter) == message
    assert [row["extras"] for row in rows] == [None] * 31 + [extras]
    assert ack.hash == rows[-1]["hash"] == meter.hash
    await gateway.publish(meter)
    await gateway.acked(meter, 34)
    assert not ingest.counters.quarantined


async def test_the_baseline_has_its_verdict_from_the_chain_and_is_stored_when_it_comes(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    await gateway.publish(meter, meter.messages[1], meter.messages[1])
    ack = await gateway.acked(meter, 1)
    assert ack.hash == record_hash(meter.records[1])
    await gateway.publish(meter)
    await gateway.acked(meter, 2)
    assert [row["sequence"] for row in await pool.fetch("SELECT * FROM readings")] == [1, 2]
    verdicts = await pool.fetch("SELECT sequence, verdict FROM verdicts ORDER BY sequence")
    assert [tuple(row) for row in verdicts] == [(1, 1), (2, 1)]
    assert ingest.counters.duplicates == 2


async def test_an_ack_row_that_was_opened_before_the_first_reading_is_brought_to_the_baseline(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    await pool.execute("INSERT INTO acks VALUES ($1, 0, $2)", meter.meter_id, bytes(32))
    await gateway.publish(meter)
    await gateway.acked(meter, 2)
    assert ingest.counters.stored == 1


async def test_a_meter_is_heard_as_soon_as_it_is_registered(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest
) -> None:
    meter = new_meter(3)
    await gateway.publish(meter, meter.messages[1])
    await until(lambda: ingest.counters.quarantined["unknown_meter"] > 0)
    await register(pool, meter)
    await gateway.publish(meter, meter.messages[1])
    await gateway.acked(meter, 1)


async def test_acks_are_retained_and_published_again_after_a_restart(
    pool: asyncpg.Pool, broker: BrokerSettings, meter: Meter
) -> None:
    async with running(pool, broker), open_gateway(broker) as gateway:
        await gateway.publish(meter)
        first = await gateway.acked(meter, 2)
    async with open_gateway(broker) as late:
        assert await late.acked(meter, 2) == first
        async with running(pool, broker) as again:
            await until(lambda: len(late.acks[meter.meter_id]) == 2)
            assert again.counters.received == 0
        assert late.acks[meter.meter_id][-1].epoch == first.epoch
        assert late.acks[meter.meter_id][-1].time_ms > first.time_ms


async def test_two_workers_share_the_readings(
    pool: asyncpg.Pool, broker: BrokerSettings, gateway: Gateway
) -> None:
    meters = [new_meter(number) for number in range(10, 20)]
    for meter in meters:
        await register(pool, meter)
    async with running(pool, broker, worker="1") as one, running(pool, broker, worker="2") as two:
        for _ in range(20):
            for meter in meters:
                await gateway.publish(meter)
        for meter in meters:
            await gateway.acked(meter, 21)
    assert one.counters.received > 0
    assert two.counters.received > 0
    assert one.counters.stored + two.counters.stored == 200
    assert not one.counters.quarantined + two.counters.quarantined
    assert await pool.fetchval("SELECT count(*) FROM readings") == 200
