"""How fast ingest is: `./run bench ingest [--json] [--seconds N] [--meters N] [--soak]`.

A real broker, a PostgreSQL server that syncs to disk, ingest workers in processes of their own, and
a process of devices that sign their readings while it runs. Devices publish as fast as readings are
committed, so nothing piles up unseen in the broker. Latency is from signing to the commit, by the
database's own commit timestamps. Processor time is of the load proper, by process.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
from _cpu import cpu_s
from _meters import Meter, register
from _progress import Progress, until
from _revocation import revocation_s
from _verification import Verification

from gridtokenx_hub.database import EmbeddedPostgres, migrate, open_pool

FOLDER = Path(__file__).parent
BATCH = 10
SAMPLE_EVERY_S = 0.25
PATIENCE_S = 120
SOAK_S = 600.0

LATENCY = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
    ORDER BY 1000 * extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 - time_ms)
FROM readings WHERE sequence > 2
"""


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--seconds", type=float, default=60, help="of single readings; a third of it each, the rest"
    )
    parser.add_argument("--meters", type=int, default=5_000)
    parser.add_argument("--soak", action="store_true", help=f"{SOAK_S:.0f} s of single readings")
    arguments = parser.parse_args()
    seconds = SOAK_S if arguments.soak else arguments.seconds
    figures = asyncio.run(measure(seconds, arguments.seconds / 3, arguments.meters))
    sys.stdout.write(json.dumps(figures) + "\n" if arguments.json else table(figures))


async def measure(single_s: float, other_s: float, meter_count: int) -> dict[str, Any]:
    """Return the figures by their names."""
    verification = Verification()
    single = await run(meter_count, 1, single_s, 1, verification)
    return {
        "single": single,
        "verify_us": round(verification.loaded_us(), 1),
        "verify_quiet_us": round(verification.quiet_us, 1),
        "hub_cpu_per_verification": round(single["hub_cpu_us"] / verification.loaded_us(), 2),
        "batched": await run(meter_count, BATCH, other_s, 1),
        "single_2_workers": await run(meter_count, 1, other_s, 2),
        "batched_2_workers": await run(meter_count, BATCH, other_s, 2),
        "revocation_s": round(await revocation(), 3),
    }


async def revocation() -> float:
    """Return how long a revoked meter's readings were stored after the chain's confirmation."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(working_folder())
        _, pool, _ = await stack.enter_async_context(database(folder))
        port, _ = stack.enter_context(broker(folder))
        return await revocation_s(pool, port)


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """A folder that the server's own account can reach: not every TMPDIR lets it."""
    with tempfile.TemporaryDirectory(prefix="gtx-bench-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


async def run(
    meter_count: int,
    readings: int,
    seconds: float,
    workers: int,
    verification: Verification | None = None,
) -> dict[str, Any]:
    """Run one load from empty tables to the last commit."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(working_folder())
        path = folder / "progress"
        progress = Progress(path)
        url, pool, server_id = await stack.enter_async_context(database(folder))
        await register(pool, [Meter(number) for number in range(meter_count)])
        port, broker_id = stack.enter_context(broker(folder))
        hubs = [
            stack.enter_context(program("_hub.py", url, port, path, worker))
            for worker in range(workers)
        ]
        await until(lambda: progress.connections == workers, PATIENCE_S)
        load = stack.enter_context(program("_load.py", port, path, meter_count, readings, seconds))
        await until(lambda: progress.begun, PATIENCE_S)
        parts = {
            "hub": [hub.pid for hub in hubs],
            "broker": [broker_id],
            "database": [server_id],
            "devices": [load.pid],
        }
        before = processor_time(parts)
        await until(lambda: ended(progress, verification), seconds + PATIENCE_S, SAMPLE_EVERY_S)
        after = processor_time(parts)
        sent = await report(load)
        used = [await report(hub, stop=True) for hub in hubs]
        stored = await pool.fetchval("SELECT count(*) FROM readings WHERE sequence > 2")
        p50_ms, p99_ms = await pool.fetchval(LATENCY)
    messages = sent["messages"]
    return {
        "messages_per_s": round(messages / sent["seconds"]),
        "readings_per_s": round(messages * readings / sent["seconds"]),
        "seconds": round(sent["seconds"], 1),
        "lost": messages * readings - stored,
        "p50_ms": round(p50_ms, 1),
        "p99_ms": round(p99_ms, 1),
        **{
            f"{name}_cpu_us": round(1e6 * (after[name] - before[name]) / messages, 1)
            for name in parts
        },
        "hub_rss_mb": max(each["max_rss_kb"] for each in used) // 1024,
        "acks": sum(each["acks"] for each in used),
    }


def ended(progress: Progress, verification: Verification | None) -> bool:
    """Tell whether the load has ended; sample on the way."""
    if verification is not None:
        verification.sample()
    return progress.ended


def processor_time(parts: dict[str, list[int]]) -> dict[str, float]:
    """Return the processor time of each part's processes, in seconds."""
    return {name: sum(map(cpu_s, numbers)) for name, numbers in parts.items()}


@contextlib.asynccontextmanager
async def database(folder: Path) -> AsyncIterator[tuple[str, asyncpg.Pool, int]]:
    """A server with our schema that records when each transaction was committed: URL, pool, pid."""
    server = EmbeddedPostgres(folder / "postgres", {"track_commit_timestamp": "on"})
    url = await server.start()
    try:
        async with await open_pool(url) as pool:
            await migrate(pool)
            found = await pool.fetchval("SELECT pg_read_file('postmaster.pid')")
            yield url, pool, int(found.split()[0])
    finally:
        await server.stop()


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[tuple[int, int]]:
    """Mosquitto on a port of its own: port and process id."""
    path = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        "max_inflight_messages 0\nmax_queued_messages 0\n"
    )
    with subprocess.Popen([path, "-c", settings], stderr=subprocess.DEVNULL) as process:
        try:
            yield port, process.pid
        finally:
            process.terminate()


@contextlib.contextmanager
def program(name: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """One of the benchmark's processes; its last word is a JSON object."""
    command = [sys.executable, str(FOLDER / name), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


async def report(process: subprocess.Popen[bytes], *, stop: bool = False) -> dict[str, Any]:
    """Wait for a process to end and return what it says."""
    if stop:
        process.terminate()
    output, _ = await asyncio.to_thread(process.communicate)
    return dict(json.loads(output))


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    lines = [
        f"a bare signature check: {figures['verify_us']} µs under the load of single readings,\n",
        f"  {figures['verify_quiet_us']} µs on a quiet machine; all that the hub does takes",
        f" {figures['hub_cpu_per_verification']} times the former\n",
    ]
    for name, each in figures.items():
        if not isinstance(each, dict):
            continue
        lines.append(
            f"{name}: {each['readings_per_s']:,} readings/s"
            f" in {each['messages_per_s']:,} messages/s for {each['seconds']} s,"
            f" {each['lost']} lost\n"
            f"  from signing to commit: p50 {each['p50_ms']} ms, p99 {each['p99_ms']} ms\n"
            f"  CPU a message: hub {each['hub_cpu_us']} µs, broker {each['broker_cpu_us']} µs,"
            f" database {each['database_cpu_us']} µs, devices {each['devices_cpu_us']} µs\n"
            f"  hub memory {each['hub_rss_mb']} MB, {each['acks']:,} signed acks\n"
        )
    lines.append(f"a revocation is in force {figures['revocation_s']} s after its confirmation\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
