"""An ingest in a process of its own, to be killed: `worker.py DATABASE PORT NAME EXPIRY_S`.

Says so when it is connected.
"""

import asyncio
import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.ingest import Ingest, mqtt
from gridtokenx_protocol.keys import SoftwareSigner


async def main(url: str, port: int, name: str) -> None:
    async with await open_pool(url) as pool:
        ingest = Ingest(
            pool,
            BrokerSettings("127.0.0.1", port, None),
            SoftwareSigner(Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01")),
            b"\x01\x02\x03\x04",
            lambda: time.time_ns() // 1_000_000,
            name,
        )
        work = asyncio.create_task(ingest.run(asyncio.Event()))
        while not ingest.counters.connections:  # noqa: ASYNC110 - counters signal nothing
            await asyncio.sleep(0.01)
        sys.stdout.write("connected\n")
        sys.stdout.flush()
        await work


if __name__ == "__main__":
    mqtt.SESSION_EXPIRY_S = int(sys.argv[4])
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
