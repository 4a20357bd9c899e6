"""A serial port, or a pseudo-terminal that takes as long for each character as a line would."""

import asyncio
import os
import tty
from collections.abc import Callable
from typing import Final

import serial

from gridtokenx_firmware_sim.errors import SimulatorError
from gridtokenx_firmware_sim.transport.reply import Answer
from gridtokenx_firmware_sim.transport.rtu_session import RtuSession

BITS_PER_CHARACTER: Final = 11
"""Start, eight data bits, parity or a second stop bit, stop (Modbus over Serial Line, 2.5.1)."""
PARITIES: Final = {"none": "N", "even": "E", "odd": "O"}
_PIECE_S: Final = 0.004
"""So much of a frame is handed over at once, as adapters do too."""


class SerialListener:
    """Serves one end of a line.

    Args:
        path: Where the other end is opened.
        descriptor: Open, not blocking.
        char_s: How long a character is to take; 0 when the hardware sees to that.
        answer: Who answers.
        close: Gives the line back.
    """

    def __init__(
        self,
        path: str,
        descriptor: int,
        char_s: float,
        answer: Answer,
        close: Callable[[], None],
    ) -> None:
        self.path = path
        self._close = close
        self._descriptor = descriptor
        self._char_s = char_s
        self._reader = asyncio.StreamReader()
        asyncio.get_running_loop().add_reader(descriptor, self._readable)
        session = RtuSession(self._reader, self._send, answer, char_s)
        self._session = asyncio.create_task(session.run())

    async def stop(self) -> None:
        """Leave the line; the other end of a pseudo-terminal is hung up."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        self._session.cancel()
        await asyncio.gather(self._session, return_exceptions=True)
        self._close()

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, 4096)
        except OSError:
            data = b""
        if data:
            self._reader.feed_data(data)
        else:
            self._reader.feed_eof()
            asyncio.get_running_loop().remove_reader(self._descriptor)

    async def _send(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        piece = max(1, int(_PIECE_S / self._char_s)) if self._char_s else len(data)
        begun = loop.time()
        for start in range(0, len(data), piece):
            part = data[start : start + piece]
            await asyncio.sleep(begun + (start + len(part)) * self._char_s - loop.time())
            try:
                os.write(self._descriptor, part)
            except BlockingIOError:  # nobody has read for 4096 characters: they are lost
                return


def listen_serial(device: str | None, baud: int, parity: str, answer: Answer) -> SerialListener:
    """Serve a port (8 data bits, 1 stop bit); without a ``device`` a new pseudo-terminal.

    Raises:
        SimulatorError: The port cannot be opened.
    """
    if device is None:
        return _pseudo_terminal(baud, answer)
    try:
        port = serial.Serial(device, baud, parity=PARITIES[parity], timeout=0, exclusive=True)
    except (OSError, ValueError) as error:
        raise SimulatorError(f"cannot open {device}: {error}") from error
    return SerialListener(device, port.fileno(), 0, answer, port.close)


def _pseudo_terminal(baud: int, answer: Answer) -> SerialListener:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)

    def close() -> None:
        os.close(ours)
        os.close(theirs)

    # theirs stays open here too: a master without a slave would read as hung up
    path = os.ttyname(theirs)
    return SerialListener(path, ours, BITS_PER_CHARACTER / baud, answer, close)
