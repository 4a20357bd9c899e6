"""The hub's side of the ingest benchmark: one ingest worker in a process of its own."""

import asyncio
import json
import resource
import signal
import sys
import time
from pathlib import Path

import uvloop
from _meters import ACK_SIGNER, DEPLOYMENT
from _progress import Progress

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.ingest import Ingest

REPORT_EVERY_S = 0.01


async def main(url: str, port: int, progress: Progress, worker: int) -> None:
    """Run until SIGTERM, then print what it took."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await open_pool(url) as pool:
        ingest = Ingest(
            pool,
            BrokerSettings("127.0.0.1", port, None),
            ACK_SIGNER,
            DEPLOYMENT,
            lambda: time.time_ns() // 1_000_000,
            str(worker),
        )
        running = asyncio.create_task(ingest.run(stop))
        while not stop.is_set():
            progress.report(worker, ingest.counters.stored, ingest.counters.connections)
            await asyncio.sleep(REPORT_EVERY_S)
        await running
    report = {
        "max_rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "acks": ingest.counters.acks,
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), Progress(Path(sys.argv[3])), int(sys.argv[4])))
