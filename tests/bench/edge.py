"""What the edge agent needs: `./run bench edge [--json] [--seconds N]`.

The agent's own command, simulated meters in a process of their own, a real broker, and a hub that
only acknowledges. Over Modbus TCP, and over a pseudo-terminal at the pace of 9,600 baud. From
reading to broker is from the time in the record, taken before the meter is asked, to the arrival
at a subscriber.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
from _edge_site import DEPLOYMENT, Site, Usage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ingest import broker, working_folder

from gridtokenx_protocol import cose
from gridtokenx_protocol.ack import Ack, sign_ack
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.topics import READINGS_FILTER, ack_topic, parse_topic

SIGNER = SoftwareSigner(Ed25519PrivateKey.from_private_bytes(bytes(32)))
WARM_UP = 3
PATIENCE_S = 120


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=20, help="how long each load is measured")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.seconds))
    sys.stdout.write(
        json.dumps(figures) + "\n"
        if arguments.json
        else "".join(f"{name:<28} {value}\n" for name, value in figures.items())
    )


async def measure(seconds: float) -> dict[str, Any]:
    """Return the figures by their names."""
    slow = await run(seconds, read_every_ms=1_000)
    brisk = await run(seconds, read_every_ms=100)
    most = await run(seconds, meters=10, read_every_ms=50)
    one = await run(seconds, serial=True, read_every_ms=1_000)
    ten = await run(seconds, serial=True, meters=10, read_every_ms=4_000, dead=True)
    return {
        "readings_per_s": most["readings_per_s"],
        "read_to_broker_ms": slow["read_to_broker_ms"],
        "rss_mb": slow["rss_mb"],
        "cpu_percent_at_1_per_s": slow["cpu_percent"],
        "cpu_percent_at_10_per_s": brisk["cpu_percent"],
        "bytes_written_per_reading": brisk["bytes_written_per_reading"],
        "serial_1_meter": one,
        "serial_10_meters_1_dead_every_4_s": ten,
        "tcp_10_meters": most,
    }


async def run(
    seconds: float,
    *,
    read_every_ms: int,
    meters: int = 1,
    serial: bool = False,
    dead: bool = False,
) -> dict[str, Any]:
    """Measure one load, after each living meter was read a few times."""
    with working_folder() as folder, broker(folder) as (port, _):
        site = Site(folder, meters, serial, dead, read_every_ms)
        await site.provision(port, SIGNER.public_key)
        async with hub(port) as readings, site.agent(port, SIGNER.public_key) as pid:
            async with asyncio.timeout(PATIENCE_S):
                await readings.until_each_has(WARM_UP, meters - dead)
            before, began = Usage.of(pid), time.monotonic()
            readings.clear()
            await asyncio.sleep(seconds)
            after, lasted_s = Usage.of(pid), time.monotonic() - began
            counted, delays_ms = Counter(readings.counts), sorted(readings.delays_ms)
    total = sum(counted.values())
    return {
        "readings_per_s": round(total / lasted_s, 2),
        "meters_read": len(counted),
        "fewest_and_most_of_a_meter": [min(counted.values()), max(counted.values())],
        "read_to_broker_ms": round(statistics.median(delays_ms), 1),
        "read_to_broker_p99_ms": delays_ms[len(delays_ms) * 99 // 100],
        "rss_mb": round(after.rss_mb, 1),
        "cpu_percent": round(100 * (after.cpu_s - before.cpu_s) / lasted_s, 1),
        "bytes_written_per_reading": round((after.written_bytes - before.written_bytes) / total),
    }


class Readings:
    """What has arrived.

    Attributes:
        counts: Ordinary readings by meter; those of a settlement are not counted twice.
        delays_ms: From the time in a record to its arrival.
    """

    def __init__(self) -> None:
        self.counts: Counter[bytes] = Counter()
        self.delays_ms: list[int] = []
        self._changed = asyncio.Condition()

    def clear(self) -> None:
        """Count from here."""
        self.counts.clear()
        self.delays_ms.clear()

    async def add(self, meter_id: bytes, payload: Payload) -> None:
        """Count the records of a message."""
        now_ms = time.time_ns() // 1_000_000
        async with self._changed:
            for record in payload.records:
                if not record.is_settlement:
                    self.counts[meter_id] += 1
                    self.delays_ms.append(now_ms - record.time_ms)
            self._changed.notify_all()

    async def until_each_has(self, least: int, meters: int) -> None:
        """Wait until so many meters have so many readings."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: sum(count >= least for count in self.counts.values()) >= meters
            )


@asynccontextmanager
async def hub(port: int) -> AsyncIterator[Readings]:
    """Acknowledges whatever comes."""
    readings = Readings()
    async with aiomqtt.Client(
        "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, max_inflight_messages=1_000
    ) as client:
        await client.subscribe(READINGS_FILTER, qos=1)
        task = asyncio.create_task(_acknowledge(client, readings))
        try:
            yield readings
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _acknowledge(client: aiomqtt.Client, readings: Readings) -> None:
    async for message in client.messages:
        meter_id, _ = parse_topic(str(message.topic))
        payload = Payload.decode(cose.decode(message.payload).payload)
        await readings.add(meter_id, payload)
        last = payload.records[-1]
        ack = Ack(
            deployment=DEPLOYMENT,
            meter_id=meter_id,
            epoch=1,
            sequence=last.sequence,
            hash=record_hash(last, payload.extras),
            time_ms=time.time_ns() // 1_000_000,
        )
        await client.publish(ack_topic(meter_id), sign_ack(ack, SIGNER), qos=1, retain=True)


if __name__ == "__main__":
    main()
