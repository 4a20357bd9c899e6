"""One mad device of the ingest benchmark: 5,000 forged readings a second."""

import asyncio
import sys

import uvloop
from _load import BURST, Publisher
from _meters import Meter

MESSAGES_PER_S = 5_000


async def main(port: int, meter: Meter) -> None:
    """Publish until killed."""
    forged = bytearray(meter.message(0, 1))
    forged[-1] ^= 1
    _, publisher = await asyncio.get_running_loop().create_connection(
        lambda: Publisher("flood"), "127.0.0.1", port
    )
    await publisher.accepted
    while True:
        if publisher.has_room:
            publisher.publish([(meter.topic, bytes(forged))] * BURST)
        await asyncio.sleep(BURST / MESSAGES_PER_S)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Meter(int(sys.argv[2]))))
