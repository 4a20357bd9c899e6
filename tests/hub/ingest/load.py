"""A steady load, and what must be true of the tables behind it."""

import asyncio

import asyncpg

from .devices import Gateway, Meter


async def check_rows(pool: asyncpg.Pool, meters: list[Meter]) -> None:
    """Every reading is stored once, the chain is whole, and the ack row says so."""
    rows = await pool.fetch("SELECT meter_id, sequence, hash, previous_hash FROM readings")
    assert len(rows) == len({(row["meter_id"], row["sequence"]) for row in rows})
    by_meter = {
        meter.meter_id: {row["sequence"]: row for row in rows if row["meter_id"] == meter.meter_id}
        for meter in meters
    }
    heads = {row["meter_id"]: row for row in await pool.fetch("SELECT * FROM acks")}
    for meter in meters:
        own = by_meter[meter.meter_id]
        assert sorted(own) == list(range(2, meter.sequence + 1))
        for sequence in range(3, meter.sequence + 1):
            assert own[sequence]["previous_hash"] == own[sequence - 1]["hash"]
        assert heads[meter.meter_id]["sequence"] == meter.sequence
        assert heads[meter.meter_id]["hash"] == meter.hash
    assert await pool.fetchval("SELECT count(*) FROM quarantine") == 0


async def publish_until(killed: asyncio.Event, gateway: Gateway, meters: list[Meter]) -> None:
    """Readings of all meters until a worker is killed, and one more of each after it."""
    last = False
    while not last:
        last = killed.is_set()
        await publish_steadily(gateway, meters, 1)


async def publish_steadily(gateway: Gateway, meters: list[Meter], rounds: int) -> None:
    for _ in range(rounds):
        for meter in meters:
            await gateway.publish(meter)
        await asyncio.sleep(0.01)
