"""The indexer: `./run bench index [--json] [--events N] [--meters N]`.

The events are settlements, the dearest to index: each changes a ledger and looks for its row in the
outbox. They are made by real transactions on a local chain in a process of its own, two settlements
in each, as anyone may send them: every meter settles a signed reading for each second of the hour
before, one after the other. The first half is made alone, then the indexer reads it from nothing
(`rebuild`); while the second half is made, it follows (`follow`). PostgreSQL syncs to disk.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _world import fresh_database, opened_world
from tests.hub.onchain import (
    Chain,
    Device,
    World,
    running,
    running_chain,
    until,
)

EACH_MWH = 1_000
TOGETHER = 2
PATIENCE_S = 1_800
LEAD_TIMEOUT_S = 10
SETTLED = "SELECT count(*) FROM events WHERE name = 'MeterSettled'"


async def main(events: int, meters: int) -> dict[str, Any]:
    """Run the benchmark and return its figures."""
    async with fresh_database() as url:
        with tempfile.TemporaryDirectory() as name, running_chain(Path(name)) as rpc_url:
            return await measure(url, Chain(rpc_url, Path(name) / "keys"), events, meters)


async def measure(url: str, chain: Chain, events: int, meters: int) -> dict[str, Any]:
    """Make events, and time how the indexer reads and follows them."""
    async with opened_world(url, chain) as world:
        devices = await world.devices(meters)
        await open_accounts(world, devices)
        rounds = events // meters
        made_alone_s = await make(world, devices, 0, rounds // 2)

        indexer = world.indexer()
        async with running(indexer):
            begun = time.perf_counter()
            made_followed_s = await make(world, devices, rounds // 2, rounds)
            made = time.perf_counter()
            await settled(world, rounds * meters)
            follow_s = time.perf_counter() - begun
            behind_s = time.perf_counter() - made

        begun = time.perf_counter()
        counted = await indexer.rebuild(LEAD_TIMEOUT_S)
        rebuild_s = time.perf_counter() - begun
        total = sum(counted.values())
        return {
            "made": f"{rounds * meters} settlements of {meters} meters, {TOGETHER} a transaction",
            "events": total,
            "make_events_per_s": round((rounds // 2) * meters / made_alone_s),
            "follow": {
                "make_events_per_s": round((rounds - rounds // 2) * meters / made_followed_s),
                "seconds": round(follow_s, 1),
                "behind_s": round(behind_s, 2),
            },
            "events_per_s": round(total / rebuild_s),
            "rebuild_s": round(rebuild_s, 1),
        }


async def settled(world: World, count: int) -> None:
    """Wait until so many settlements are indexed."""

    async def are() -> bool:
        return bool(await world.pool.fetchval(SETTLED) >= count)

    await until(are, PATIENCE_S)


async def open_accounts(world: World, devices: Sequence[Device]) -> None:
    """Open the meters' ledgers."""
    await asyncio.gather(*(world.open_ledger(device) for device in devices))


async def make(world: World, devices: Sequence[Device], begin: int, end: int) -> float:
    """Settle the rounds from `begin` to `end`; return how many seconds that took.

    Each group of meters has its transactions one after the other, the groups go side by side.
    """
    begun = time.perf_counter()
    await asyncio.gather(
        *(
            settle_rounds(world, devices[start : start + TOGETHER], begin, end)
            for start in range(0, len(devices), TOGETHER)
        )
    )
    return time.perf_counter() - begun


async def settle_rounds(world: World, devices: Sequence[Device], begin: int, end: int) -> None:
    """Send a transaction for each round, when the one before it has been executed."""
    for round_ in range(begin, end):
        instructions = []
        for device in devices:
            device.produced_mwh += EACH_MWH
            device.surplus_mwh += EACH_MWH
            record = device.record(device.baseline_ms + (round_ + 1) * 1000)
            instructions += world.settling(device, record)
        prepared = await world.sender.prepare(instructions)
        # The local chain answers when the transaction is executed.
        await world.client.send_raw(prepared.raw)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--meters", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = asyncio.run(main(arguments.events, arguments.meters))
    line = "{events} events: rebuilt in {rebuild_s} s, {events_per_s} events/s".format(**figures)
    sys.stdout.write((json.dumps(figures) if arguments.json else line) + "\n")
