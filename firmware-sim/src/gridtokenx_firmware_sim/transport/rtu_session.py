"""A line with serial frames: takes requests from it and puts replies on it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from gridtokenx_firmware_sim.transport import rtu
from gridtokenx_firmware_sim.transport.reply import NOISE, Answer, Reply

_SHORTEST_SILENCE_S: Final = 0.05
"""A request that stops for so long is none: more than any adapter waits with what it has."""


class RtuSession:
    """Answers what comes over a line, until it ends.

    Args:
        reader: Bytes from the line.
        send: Puts bytes on the line, at its pace.
        answer: Who answers.
        char_s: How long a character is on the line; 0 where it needs no time here.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        send: Callable[[bytes], Awaitable[None]],
        answer: Answer,
        char_s: float,
    ) -> None:
        self._reader = reader
        self._send = send
        self._answer = answer
        self._char_s = char_s
        self._wire = asyncio.Lock()
        self._held: Reply | None = None
        self._late: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the line is closed."""
        try:
            while request := await self._request():
                await asyncio.sleep(self._char_s * len(request))
                reply = self._answer(request[0], request[1:-2])
                held, self._held = self._held, None
                if held:
                    await self._put(held)
                if reply is None:
                    continue
                if reply.damage == "held":
                    self._held = reply
                elif reply.delay_s:
                    task = asyncio.create_task(self._put_later(reply))
                    self._late.add(task)
                    task.add_done_callback(self._late.discard)
                else:
                    await self._put(reply)
        finally:
            for task in self._late:
                task.cancel()

    async def _request(self) -> bytes:
        """The next sound request; empty at the end."""
        data = b""
        while True:
            try:
                async with asyncio.timeout(_SHORTEST_SILENCE_S if data else None):
                    byte = await self._reader.read(1)
            except TimeoutError:
                data = b""
                continue
            if not byte:
                return b""
            data = (data + byte)[-rtu.LONGEST :]
            if len(data) == rtu.request_length(data) and rtu.is_whole(data):
                return data

    async def _put_later(self, reply: Reply) -> None:
        await asyncio.sleep(reply.delay_s)
        await self._put(reply)

    async def _put(self, reply: Reply) -> None:
        frame = rtu.frame(reply.unit, reply.pdu)
        if reply.damage == "crc":
            frame = frame[:-1] + bytes([frame[-1] ^ 0xFF])
        elif reply.damage == "cut":
            frame = frame[: len(frame) // 2]
        elif reply.damage == "noise":
            frame = NOISE + frame
        elif reply.damage == "restart":
            return
        async with self._wire:
            await self._send(frame)
