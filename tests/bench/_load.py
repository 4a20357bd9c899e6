"""The devices' side of the ingest benchmark: signs and publishes as fast as the hub commits."""

import asyncio
import json
import mmap
import sys
import time
from pathlib import Path
from typing import cast

import mqtt5
import uvloop
from _meters import Meter

BURST = 16
WINDOW = 1024
"""Readings on their way; more would only wait in the broker and count as latency."""


class Publisher(asyncio.Protocol):
    """An MQTT 5 connection that publishes at QoS 1."""

    def __init__(self) -> None:
        self.accepted = asyncio.get_running_loop().create_future()
        self.unacknowledged = 0
        self._unread = b""
        self._packet_id = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport.write(mqtt5.ConnectPacket("load", clean_start=True).write())

    def data_received(self, data: bytes) -> None:
        self._unread += data
        view = memoryview(self._unread)
        start = 0
        try:
            while start < len(view):
                packet, size = mqtt5.read(view[start:])
                start += size
                if isinstance(packet, mqtt5.PubAckPacket):
                    self.unacknowledged -= 1
                elif isinstance(packet, mqtt5.ConnAckPacket):
                    self.room = packet.receive_max
                    self.accepted.set_result(None)
        except IndexError:
            pass
        self._unread = bytes(view[start:])

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        packets = []
        for topic, message in messages:
            self._packet_id = self._packet_id % 65_535 + 1
            packet = mqtt5.PublishPacket(
                topic, message, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=self._packet_id
            )
            packets.append(packet.write())
        self.unacknowledged += len(packets)
        self._transport.write(b"".join(packets))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def main(
    port: int, progress_path: Path, meter_count: int, readings: int, seconds: float
) -> None:
    """Publish for some seconds; print how many messages, and how long it took."""
    meters = [Meter(number) for number in range(meter_count)]
    _, publisher = await asyncio.get_running_loop().create_connection(Publisher, "127.0.0.1", port)
    await publisher.accepted
    sent = 0
    with progress_path.open("r+b") as file, mmap.mmap(file.fileno(), 24) as progress:

        def stored() -> int:
            return int.from_bytes(progress[:8], "little")

        # first each meter once: the hub reads its key then, once in its life
        for first in range(0, meter_count, BURST):
            publisher.publish(
                [(m.topic, m.message(now_ms(), 1)) for m in meters[first : first + BURST]]
            )
            while publisher.unacknowledged:
                await asyncio.sleep(0.0005)
        while stored() < meter_count:
            await asyncio.sleep(0.005)
        progress[16:] = (1).to_bytes(8, "little")
        before = stored()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            full = (sent + BURST) * readings - (stored() - before) > max(
                WINDOW, 4 * BURST * readings
            )
            if full or publisher.unacknowledged + BURST > publisher.room:
                await asyncio.sleep(0.0005)
                continue
            burst = []
            for _ in range(BURST):
                meter = meters[sent % meter_count]
                burst.append((meter.topic, meter.message(now_ms(), readings)))
                sent += 1
            publisher.publish(burst)
            await asyncio.sleep(0)
        while stored() - before < sent * readings and time.monotonic() - began < 3 * seconds:
            await asyncio.sleep(0.005)
    report = {"messages": sent, "seconds": time.monotonic() - began}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    uvloop.run(
        main(
            int(sys.argv[1]),
            Path(sys.argv[2]),
            int(sys.argv[3]),
            int(sys.argv[4]),
            float(sys.argv[5]),
        )
    )
