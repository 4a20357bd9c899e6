"""How fast ingest is: `./run bench ingest [--json] [--seconds N] [--meters N]`.

A real broker, a PostgreSQL server that syncs to disk, one ingest worker in a process, and a
process of devices that sign their readings while it runs. Devices publish as fast as readings are
committed, so nothing piles up unseen in the broker. Latency is from signing to the commit, by the
database's own commit timestamps.
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
import timeit
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
from _meters import Meter, register
from _progress import CONNECTIONS, Progress, until

from gridtokenx_hub.database import EmbeddedPostgres, migrate, open_pool
from gridtokenx_hub.ingest.keyring import MeterKey
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Algorithm

FOLDER = Path(__file__).parent
BATCH = 10
VERIFICATIONS = 2_000
PATIENCE_S = 60

LATENCY = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
    ORDER BY 1000 * extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 - time_ms)
FROM readings WHERE sequence > 2
"""


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=20, help="how long in all")
    parser.add_argument("--meters", type=int, default=5_000)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.seconds / 2, arguments.meters))
    sys.stdout.write(json.dumps(figures) + "\n" if arguments.json else table(figures))


async def measure(seconds: float, meter_count: int) -> dict[str, Any]:
    """Return the figures by their names."""
    meters = [Meter(number) for number in range(meter_count)]
    single = await run(meters, 1, seconds)
    batched = await run(meters, BATCH, seconds)
    return {
        "single": single,
        "batched": {"readings_per_s": batched["messages_per_s"] * BATCH, "lost": batched["lost"]},
        "verify_us": verify_us(meters[0]),
    }


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """A folder that the server's own account can reach: not every TMPDIR lets it."""
    with tempfile.TemporaryDirectory(prefix="gtx-bench-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


async def run(meters: list[Meter], readings: int, seconds: float) -> dict[str, Any]:
    """Run one load from empty tables to the last commit."""
    with working_folder() as folder:
        path = folder / "progress"
        progress = Progress(path)
        async with database(folder) as (url, pool):
            await register(pool, meters)
            with broker(folder) as port, program("_hub.py", url, port, path) as hub:
                await until(lambda: progress[CONNECTIONS] > 0, PATIENCE_S)
                with program("_load.py", port, path, len(meters), readings, seconds) as load:
                    sent = await report(load)
                hub.terminate()
                used = await report(hub)
            stored = await pool.fetchval("SELECT count(*) FROM readings WHERE sequence > 2")
            p50_ms, p99_ms = await pool.fetchval(LATENCY)
    return {
        "messages_per_s": round(sent["messages"] / sent["seconds"]),
        "lost": sent["messages"] * readings - stored,
        "p50_ms": round(p50_ms, 1),
        "p99_ms": round(p99_ms, 1),
        "hub_cpu_us": round(1e6 * used["cpu_s"] / sent["messages"], 1),
        "hub_rss_mb": used["max_rss_kb"] // 1024,
        "acks": used["acks"],
    }


@contextlib.asynccontextmanager
async def database(folder: Path) -> AsyncIterator[tuple[str, asyncpg.Pool]]:
    """A server with our schema that records when each transaction was committed."""
    server = EmbeddedPostgres(folder / "postgres", {"track_commit_timestamp": "on"})
    url = await server.start()
    try:
        async with await open_pool(url) as pool:
            await migrate(pool)
            yield url, pool
    finally:
        await server.stop()


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Mosquitto on a port of its own."""
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
            yield port
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


async def report(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for a process to end and return what it says."""
    output, _ = await asyncio.to_thread(process.communicate)
    return dict(json.loads(output))


def verify_us(meter: Meter) -> float:
    """Time of one signature check, decoding not included."""
    key = MeterKey.load(Algorithm.ED25519, meter.signer.public_key)
    signed = cose.decode(meter.message(0, 1))
    rounds = timeit.repeat(lambda: key.verify(signed), number=VERIFICATIONS // 5, repeat=5)
    return round(1e6 * min(rounds) / (VERIFICATIONS // 5), 1)


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    single, batched = figures["single"], figures["batched"]
    lines = (
        ("one reading a message", f"{single['messages_per_s']:,} messages/s"),
        ("  from signing to commit", f"p50 {single['p50_ms']} ms, p99 {single['p99_ms']} ms"),
        ("  hub CPU a message", f"{single['hub_cpu_us']} µs (signature {figures['verify_us']} µs)"),
        ("  hub memory", f"{single['hub_rss_mb']} MB"),
        (f"{BATCH} readings a message", f"{batched['readings_per_s']:,} readings/s"),
        ("lost", f"{single['lost'] + batched['lost']}"),
    )
    return "".join(f"{name:<26} {value}\n" for name, value in lines)


if __name__ == "__main__":
    main()
