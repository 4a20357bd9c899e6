"""A Modbus TCP meter that misbehaves on demand."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction

from gridtokenx_edge.meters import Profile, Quantity

_FORMATS = {"int64": ">q", "float32": ">f"}


class FakeMeter:
    """A Modbus TCP meter; ``fault`` makes its next replies bad, for as long as it is set."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.words: dict[int, int] = {}
        self.fault: str | None = None
        self.faulty_unit: int | None = None
        self.requests: list[tuple[int, int, int, int]] = []
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        for quantity in Quantity:
            self.show(quantity, 0)

    def show(self, quantity: Quantity, value: int) -> None:
        """Set a quantity, in our integer unit."""
        register = self.profile.registers[quantity]
        number = Fraction(value) / register.scale
        raw = struct.pack(
            _FORMATS[register.type],
            float(number) if "float" in register.type else int(number),
        )
        self.write(quantity, raw)

    def write(self, quantity: Quantity, raw: bytes) -> None:
        """Set the raw bytes of a quantity."""
        (address,) = self.profile.registers[quantity].addresses
        for offset, word in enumerate(struct.unpack(f">{len(raw) // 2}H", raw)):
            self.words[address + offset] = word

    def energy(self, produced_mwh: int, consumed_mwh: int) -> None:
        self.show(Quantity.PRODUCED, produced_mwh)
        self.show(Quantity.CONSUMED, consumed_mwh)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FakeMeter"]:
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.hang_up()
            await server.wait_closed()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(8)
                tid, _, length, unit, function = struct.unpack(">HHHBB", head)
                address, count = struct.unpack(">HH", await reader.readexactly(length - 2))
                self.requests.append((unit, function, address, count))
                await self._reply(writer, tid, unit, function, address, count)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _reply(
        self,
        writer: asyncio.StreamWriter,
        tid: int,
        unit: int,
        function: int,
        address: int,
        count: int,
    ) -> None:
        fault = self.fault if self.faulty_unit in (None, unit) else None
        words = [self.words.get(address + offset, 0) for offset in range(count)]
        if fault == "silent":
            return
        if fault == "late":
            await asyncio.sleep(0.3)
        if fault == "short":
            words = words[:-1]
        if fault == "zero":
            words = [0] * count
        body = struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)
        if fault == "exception":
            body = struct.pack(">BB", function | 0x80, 4)
        if fault == "other_transaction":
            tid += 7
        if fault == "no_transaction":
            tid = 0
        if fault == "other_unit":
            unit += 1
        frame = struct.pack(">HHHB", tid, 0, len(body) + 1, unit) + body
        if fault == "cut":
            writer.write(frame[:-3])
            writer.close()
            return
        writer.write(b"\xff" * 40 if fault == "garbage" else frame)
