"""The indexer: `./run bench index [--json] [--events N] [--meters N]`.

The events are settlements, the dearest to index: each changes a ledger and looks for its row in the
outbox. They are made by real transactions on a local chain in a process of its own, two settlements
in each, as anyone may send them: every meter settles a signed reading for each second of the hour
before, one after the other. The first half is made alone; while the second half is made,
`gtx-hub index`, a process of its own, reads the first and follows (`follow`); then single
transactions are timed from their confirmation to their rows (`latency`); then
`gtx-hub index --rebuild` makes all tables anew. PostgreSQL syncs to disk.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _cpu import cpu_s, max_rss_kb
from _world import fresh_database, opened_world
from tests.hub.onchain import (
    Chain,
    Device,
    World,
    running_chain,
    until,
)

EACH_MWH = 1_000
TOGETHER = 2
PATIENCE_S = 1_800
PROBES = 100
INDEXED = "SELECT EXISTS (SELECT FROM events WHERE tx_signature = $1)"
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

        with indexing(url, chain.rpc_url) as process_id:
            begun = time.perf_counter()
            made_followed_s = await make(world, devices, rounds // 2, rounds)
            made = time.perf_counter()
            await settled(world, rounds * meters)
            follow_s = time.perf_counter() - begun
            behind_s = time.perf_counter() - made
            follow_cpu_s = cpu_s(process_id)
            latencies_ms = sorted(
                [await latency_ms(world, devices, rounds + n) for n in range(PROBES)]
            )

        rebuilt = await asyncio.to_thread(rebuild, url, chain.rpc_url)
        return {
            "made": f"{rounds * meters} settlements of {meters} meters, {TOGETHER} a transaction",
            "make_events_per_s": round((rounds // 2) * meters / made_alone_s),
            "follow": {
                "make_events_per_s": round((rounds - rounds // 2) * meters / made_followed_s),
                "seconds": round(follow_s, 1),
                "behind_s": round(behind_s, 2),
                "cpu_us_an_event": round(follow_cpu_s / (rounds * meters) * 1e6),
            },
            "latency": {
                "p50_ms": round(latencies_ms[PROBES // 2]),
                "p90_ms": round(latencies_ms[PROBES * 9 // 10]),
            },
            **rebuilt,
        }


async def latency_ms(world: World, devices: Sequence[Device], round_: int) -> float:
    """Settle once more; return the time from its confirmation until its events are in the table."""
    signature = await settle_round(world, devices[:TOGETHER], round_)
    confirmed = time.perf_counter()
    while not await world.pool.fetchval(INDEXED, signature):  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0.001)
    return (time.perf_counter() - confirmed) * 1000


@contextmanager
def hub_command(url: str, rpc_url: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of `gtx-hub` on this database and chain; end it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        settings = f'[chain]\nrpc_url = "{rpc_url}"\n[database]\nurl = "{url}"\n'
        (Path(folder) / "hub.toml").write_text(settings)
        command = [Path(sys.executable).with_name("gtx-hub"), "--folder", folder, *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                yield process
            finally:
                process.terminate()


@contextmanager
def indexing(url: str, rpc_url: str) -> Iterator[int]:
    """Have `gtx-hub index` follow the chain; yields its process id once it is ready."""
    with hub_command(url, rpc_url, "index") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process.pid


def rebuild(url: str, rpc_url: str) -> dict[str, Any]:
    """Run `gtx-hub index --rebuild`; return what it counted, and what it took."""
    with hub_command(url, rpc_url, "index", "--rebuild") as process:
        rss_kb = cpu = 0.0
        while process.poll() is None:
            rss_kb = max_rss_kb(process.pid) or rss_kb
            cpu = max(cpu, cpu_s(process.pid))
            time.sleep(0.1)
        assert process.stdout is not None
        done = json.loads(process.stdout.read())
    events = sum(done["events"].values())
    return {
        "events": events,
        "events_per_s": round(events / done["seconds"]),
        "rebuild_s": done["seconds"],
        "rebuild_cpu_us_an_event": round(cpu / events * 1e6),
        "rebuild_max_rss_mb": round(rss_kb / 1024),
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
        await settle_round(world, devices, round_)


async def settle_round(world: World, devices: Sequence[Device], round_: int) -> str:
    """Settle each of these meters once, in one transaction; return its signature."""
    instructions = []
    for device in devices:
        device.produced_mwh += EACH_MWH
        device.surplus_mwh += EACH_MWH
        record = device.record(device.baseline_ms + (round_ + 1) * 1000)
        instructions += world.settling(device, record)
    prepared = await world.sender.prepare(instructions)
    # The local chain answers when the transaction is executed.
    return await world.client.send_raw(prepared.raw)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--meters", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = asyncio.run(main(arguments.events, arguments.meters))
    line = "{events} events: rebuilt in {rebuild_s} s, {events_per_s} events/s".format(**figures)
    sys.stdout.write((json.dumps(figures) if arguments.json else line) + "\n")
