"""Where frames go: a serial port, or a TCP connection to a meter or gateway."""

import asyncio
from typing import Final, Protocol

import serial

from gridtokenx_edge.config.model import SerialLine, TcpLine

_PARITIES: Final = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
}
_MOST_BYTES: Final = 512


class Link(Protocol):
    """Bytes there and back; every method raises ``OSError`` when the line is gone."""

    async def open(self, timeout_s: float) -> bool:
        """Open, unless it is open; returns whether it had to be."""
        ...

    def write(self, data: bytes) -> None:
        """Put bytes on the line."""
        ...

    async def read(self) -> bytes:
        """Wait for bytes; at least one comes back."""
        ...

    def close(self) -> None:
        """Close; may be opened again."""
        ...


class SerialLink:
    """A serial port, for this process alone."""

    def __init__(self, line: SerialLine) -> None:
        self._line = line
        self._open: tuple[serial.Serial, asyncio.StreamReader] | None = None

    async def open(self, timeout_s: float) -> bool:
        """See ``Link``; opening a port does not wait for anything."""
        del timeout_s
        if self._open is not None:
            return False
        port = serial.Serial(
            str(self._line.device),
            self._line.baud,
            parity=_PARITIES[self._line.parity],
            stopbits=self._line.stop_bits,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )
        self._open = port, asyncio.StreamReader()
        asyncio.get_running_loop().add_reader(port.fileno(), _feed, *self._open)
        return True

    def write(self, data: bytes) -> None:
        """See ``Link``."""
        if self._open is None or self._open[0].write(data) != len(data):
            raise ConnectionError("the port takes no more")

    async def read(self) -> bytes:
        """See ``Link``."""
        if self._open is None:
            raise ConnectionError("not open")
        return await self._open[1].read(_MOST_BYTES)

    def close(self) -> None:
        """See ``Link``."""
        if self._open is not None:
            port = self._open[0]
            asyncio.get_running_loop().remove_reader(port.fileno())
            port.close()
            self._open = None


def _feed(port: serial.Serial, reader: asyncio.StreamReader) -> None:
    try:
        reader.feed_data(port.read(_MOST_BYTES))
    except OSError as error:
        asyncio.get_running_loop().remove_reader(port.fileno())
        reader.set_exception(error)


class TcpLink:
    """A connection to a meter or gateway; one that the other end has closed counts as closed."""

    def __init__(self, line: TcpLine) -> None:
        self._line = line
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self, timeout_s: float) -> bool:
        """See ``Link``."""
        if self._streams is not None and not _has_ended(self._streams[0]):
            return False
        self.close()
        async with asyncio.timeout(timeout_s):
            self._streams = await asyncio.open_connection(self._line.host, self._line.port)
        return True

    def write(self, data: bytes) -> None:
        """See ``Link``."""
        if self._streams is None:
            raise ConnectionError("not connected")
        self._streams[1].write(data)

    async def read(self) -> bytes:
        """See ``Link``."""
        data = await self._streams[0].read(_MOST_BYTES) if self._streams else b""
        if not data:
            raise ConnectionError("the other end has hung up")
        return data

    def close(self) -> None:
        """See ``Link``."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _has_ended(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None
