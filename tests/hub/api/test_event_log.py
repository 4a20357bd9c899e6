"""Which events are shown to whom, whatever the order in which the programs are indexed."""

import json

import asyncpg

from gridtokenx_hub.api.events.log import Viewer, events_after

METER = bytes(range(16))
NOTHING_YET = {"registry": 0, "energy_token": 0, "trading": 0}
EVENT = "INSERT INTO events (program, sequence, slot, tx_signature, name, data) VALUES"
REGISTERED = (
    "INSERT INTO meters VALUES ($1, 'owner', 0, $2, 'active', 1, 1, 1, 1, 0, 0, 0, 0, $2, now())"
)


async def add(pool: asyncpg.Pool, program: str, sequence: int, name: str, **data: object) -> None:
    text = json.dumps(data)
    await pool.execute(f"{EVENT} ($1, $2, 1, 's', $3, $4)", program, sequence, name, text)


async def shown(pool: asyncpg.Pool) -> list[str]:
    """What the owner sees."""
    entries = await events_after(pool, NOTHING_YET, 10)
    return [e.event.name for e in entries if Viewer(accounts=("owner",)).may_see(e)]


async def test_what_comes_before_its_meter_waits_for_it(pool: asyncpg.Pool) -> None:
    await add(pool, "energy_token", 1, "LedgerOpened", meter_id=METER.hex())
    await add(pool, "energy_token", 2, "GrxMinted", destination="owner")
    await add(pool, "trading", 1, "OrderCreated", order="o")
    assert await shown(pool) == ["OrderCreated"], "and what is behind it in its program, too"
    await pool.execute(REGISTERED, METER, bytes(32))
    assert await shown(pool) == ["LedgerOpened", "GrxMinted", "OrderCreated"]
