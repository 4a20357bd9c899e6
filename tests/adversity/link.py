"""A TCP link that a test cuts, stalls or slows down at the packet that it chooses."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from demo.processes import free_port


class Way(Enum):
    """Which way a packet goes."""

    UP = "from the client"
    DOWN = "to the client"


class Fate(Enum):
    """What becomes of a packet."""

    ON = "it is handed on"
    CUT = "half of it is handed on, then the connection is reset"
    STALL = "it stays where it is, and all behind it; no connection is closed"


CHUNK_BYTES = 65_536
_ENDED = (asyncio.IncompleteReadError, ConnectionError)
"""How a connection ends, which is what a link is about."""
Choose = Callable[[Way, bytes], Fate]


class Framing(Protocol):
    """How a stream falls into packets."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next whole packet.

        Raises:
            asyncio.IncompleteReadError: There is none any more.
        """


@dataclass(frozen=True)
class Packets:
    """Where the length of a protocol's packets is."""

    head_bytes: int
    length_at: int
    """Offset of a 16-bit length in the head; -1 for MQTT's variable length behind it."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next whole packet."""
        packet = await reader.readexactly(self.head_bytes)
        if self.length_at >= 0:
            length = int.from_bytes(packet[self.length_at : self.length_at + 2], "big")
        else:
            length = shift = 0
            while True:
                byte = await reader.readexactly(1)
                packet += byte
                length |= (byte[0] & 0x7F) << shift
                shift += 7
                if byte[0] < 0x80:
                    break
        return packet + await reader.readexactly(length)


class AnyBytes:
    """A stream whose packets do not matter, or are encrypted: whatever has come."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """What there is."""
        data = await reader.read(CHUNK_BYTES)
        if not data:
            raise asyncio.IncompleteReadError(b"", 1)
        return data


MQTT = Packets(1, -1)
MODBUS = Packets(6, 4)


class Link:
    """Between a client and one port.

    Attributes:
        port: What the client connects to.
        choose: Asked for every packet.
        pause_s: Every packet takes so long.
        struck: Set when a packet was cut or stalled.
    """

    def __init__(self, framing: Framing, target: int) -> None:
        self.port = free_port()
        self.target = target
        self.choose: Choose = lambda way, packet: Fate.ON
        self.pause_s = 0.0
        self.struck = asyncio.Event()
        self.connections = 0
        self._framing = framing
        self._reset = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["Link"]:
        """Listen."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        try:
            yield self
        finally:
            server.close()
            self.reset()
            await asyncio.gather(*self._tasks)
            await server.wait_closed()

    def strike(self, choose: Choose) -> None:
        """Choose anew what becomes of packets."""
        self.struck.clear()
        self.choose = choose

    def heal(self) -> None:
        """Let everything pass from now on; what was stalled is gone, with its connections."""
        self.choose = lambda way, packet: Fate.ON
        self.reset()

    def reset(self) -> None:
        """Reset all connections."""
        self._reset.set()
        self._reset = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        reset = self._reset
        with suppress(ConnectionError):
            async with _aborted(writer):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
                async with _aborted(far_writer):
                    await _first_to_end(
                        reset.wait(),
                        self._carry(Way.UP, reader, far_writer),
                        self._carry(Way.DOWN, far_reader, writer),
                    )
        self._tasks.discard(task)

    async def _carry(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            packet = await self._framing.read(reader)
            await asyncio.sleep(self.pause_s)
            fate = self.choose(way, packet)
            if fate is Fate.STALL:
                self.struck.set()
                await asyncio.Event().wait()
            writer.write(packet if fate is Fate.ON else packet[: len(packet) // 2])
            await writer.drain()
            if fate is Fate.CUT:
                self.struck.set()
                raise ConnectionResetError("cut")


@asynccontextmanager
async def _aborted(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _first_to_end(*ways: Coroutine[None, None, object]) -> None:
    tasks = [asyncio.create_task(way) for way in ways]
    _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, _ENDED):
            raise result


def publishes(topic_end: bytes) -> Callable[[bytes], bool]:
    """Whether a packet is an MQTT PUBLISH on a topic that ends so."""

    def matches(packet: bytes) -> bool:
        return packet[0] >> 4 == 3 and topic_end in packet

    return matches
