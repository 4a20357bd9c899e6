"""The devices' side of the ingest benchmark: signs and publishes as fast as the hub commits."""

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import cast

import mqtt5
import uvloop
from _meters import Meter
from _progress import Progress, until

BURST = 16
WINDOW = 1024
"""Messages on their way; more would only wait in the broker and count as latency."""
PATIENCE_S = 60


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
                    self._receive_max = packet.receive_max
                    self.accepted.set_result(None)
        except IndexError:
            pass
        self._unread = bytes(view[start:])

    @property
    def has_room(self) -> bool:
        """Whether the broker takes another burst."""
        return self.unacknowledged + BURST <= self._receive_max

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


def burst(meters: list[Meter], readings: int) -> list[tuple[str, bytes]]:
    """Sign the next message of each of these meters."""
    now_ms = time.time_ns() // 1_000_000
    return [(meter.topic, meter.message(now_ms, readings)) for meter in meters]


async def greet(publisher: Publisher, progress: Progress, meters: list[Meter]) -> None:
    """Send one reading of each meter: the hub reads its key then, once in its life."""
    for first in range(0, len(meters), BURST):
        await until(lambda: publisher.has_room, PATIENCE_S)
        publisher.publish(burst(meters[first : first + BURST], 1))
    await until(lambda: progress.stored >= len(meters), PATIENCE_S)


async def main(
    port: int, progress: Progress, meter_count: int, readings: int, seconds: float
) -> None:
    """Publish for some seconds; print how many messages, and how long till all were stored."""
    meters = [Meter(number) for number in range(meter_count)]
    loop = asyncio.get_running_loop()
    _, publisher = await loop.create_connection(Publisher, "127.0.0.1", port)
    await publisher.accepted
    await greet(publisher, progress, meters)
    greeted = progress.stored
    progress.begin()
    began = time.monotonic()
    sent = 0

    def on_their_way() -> int:
        return sent - (progress.stored - greeted) // readings

    while time.monotonic() - began < seconds:
        await until(lambda: publisher.has_room and on_their_way() + BURST <= WINDOW, PATIENCE_S)
        first = sent % meter_count
        chosen = meters[first : first + BURST]
        publisher.publish(burst(chosen, readings))
        sent += len(chosen)
        await asyncio.sleep(0)
    with contextlib.suppress(TimeoutError):  # what is missing then is counted as lost
        await until(lambda: on_their_way() == 0, PATIENCE_S)
    report = {"messages": sent, "seconds": time.monotonic() - began}
    progress.end()
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    uvloop.run(
        main(
            int(sys.argv[1]),
            Progress(Path(sys.argv[2])),
            int(sys.argv[3]),
            int(sys.argv[4]),
            float(sys.argv[5]),
        )
    )
