"""TCP: Modbus TCP (Messaging on TCP/IP Implementation Guide 1.0b), or serial frames as they are."""

import asyncio
import struct
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from gridtokenx_firmware_sim.errors import SimulatorError
from gridtokenx_firmware_sim.transport.reply import NOISE, Answer, Reply
from gridtokenx_firmware_sim.transport.rtu_session import RtuSession


class TcpListener:
    """A port, and the connections that it accepted."""

    def __init__(self, answer: Answer, *, rtu: bool) -> None:
        self.port = 0
        self._answer = answer
        self._rtu = rtu
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> None:
        """Listen; ``port`` says where."""
        self._server = await asyncio.start_server(self._accept, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serve = self._serve_rtu if self._rtu else self._serve_mbap
        task = asyncio.create_task(_until_gone(serve(reader, writer), writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve_rtu(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        await RtuSession(reader, send, self._answer, char_s=0).run()

    async def _serve_mbap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        late: set[asyncio.Task[None]] = set()
        try:
            while True:
                head = await reader.readexactly(7)
                transaction, protocol, length, unit = struct.unpack(">HHHB", head)
                if protocol or not 2 <= length <= 254:
                    return
                reply = self._answer(unit, await reader.readexactly(length - 1))
                # whoever asks by Modbus TCP hangs up before a held reply could come
                if reply is None or reply.damage in {"crc", "held"}:
                    continue
                task = asyncio.create_task(_put(writer, transaction, reply))
                late.add(task)
                task.add_done_callback(late.discard)
                if not reply.delay_s:
                    await task
                if reply.damage in {"cut", "restart"}:
                    return
        finally:
            for task in late:
                task.cancel()


async def listen_tcp(host: str, port: int, answer: Answer, *, rtu: bool) -> TcpListener:
    """Listen; ``rtu`` for serial frames over TCP.

    Raises:
        SimulatorError: The address is taken or not this machine's.
    """
    listener = TcpListener(answer, rtu=rtu)
    try:
        await listener.start(host, port)
    except OSError as error:
        raise SimulatorError(f"cannot listen on {host} port {port}: {error}") from error
    return listener


async def _until_gone(serving: Coroutine[Any, Any, None], writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        try:
            await serving
        finally:
            writer.close()


async def _put(writer: asyncio.StreamWriter, transaction: int, reply: Reply) -> None:
    await asyncio.sleep(reply.delay_s)
    frame = struct.pack(">HHHB", transaction, 0, len(reply.pdu) + 1, reply.unit) + reply.pdu
    if reply.damage == "cut":
        frame = frame[: len(frame) // 2]
    elif reply.damage == "noise":
        frame = NOISE + frame
    elif reply.damage == "restart":
        return
    with suppress(ConnectionError):
        writer.write(frame)
        await writer.drain()
