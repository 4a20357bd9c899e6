"""The hub's side of the ingest benchmark: one ingest worker in a process of its own.

The first of them keeps the roll-ups too.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import uvloop
from _cpu import max_rss_kb
from _meters import ACK_SIGNER, DEPLOYMENT
from _progress import Progress

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.ingest import Ingest
from gridtokenx_hub.readings import Upkeep

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
            now_ms,
            str(worker),
        )
        running = [asyncio.create_task(ingest.run(stop))]
        if worker == 0:
            running.append(asyncio.create_task(Upkeep(pool, now_ms).run(stop)))
        while not stop.is_set():
            progress.report(worker, ingest.counters.stored, ingest.counters.connections)
            await asyncio.sleep(REPORT_EVERY_S)
        await asyncio.gather(*running)
    report = {
        "max_rss_kb": max_rss_kb(os.getpid()),
        "acks": ingest.counters.acks,
    }
    sys.stdout.write(json.dumps(report) + "\n")


def now_ms() -> int:
    """The present instant, Unix ms."""
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), Progress(Path(sys.argv[3])), int(sys.argv[4])))
