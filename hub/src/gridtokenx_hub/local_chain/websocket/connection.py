"""One subscriber's connection: what it asks is answered in turn, what it is told waits in line."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp import ClientConnectionResetError, WSMsgType, web

from gridtokenx_hub.local_chain.http import MAX_BODY_BYTES

MAX_WAITING_BYTES = 4 * 1024 * 1024
_HEARTBEAT_S = 30.0  # a peer that vanished without a word is found out

_log = logging.getLogger(__name__)
Answer = Callable[[bytes | str], Awaitable[bytes]]


class Connection:
    """Sends what it is given, in order, and cuts off a peer that falls too far behind.

    The chain waits for no subscriber: at most `MAX_WAITING_BYTES` wait here, and when they are
    more, the connection is aborted. The peer may come back and ask for what it missed.
    """

    def __init__(self) -> None:
        self.subscriptions: set[int] = set()
        self._socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S, compress=False, max_msg_size=MAX_BODY_BYTES
        )
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_answering = False
        self._may_write = asyncio.Event()

    async def serve(self, request: web.BaseRequest, answer: Answer) -> web.WebSocketResponse:
        """Shake hands, then answer one request after the other until either side ends it.

        Raises:
            HTTPException: the request is none for a websocket.
        """
        await self._socket.prepare(request)
        self._transport = request.transport
        writing = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    await self._answer(message.data, answer)
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
        return self._socket

    async def close(self) -> None:
        """Say goodbye."""
        await self._socket.close(code=1001, message=b"the local chain stops")

    def tell(self, notification: bytes) -> None:
        """Send a notification when its turn comes."""
        self._waiting.append(notification)
        self._count(notification)

    async def _answer(self, request: bytes | str, answer: Answer) -> None:
        # From its answer a client learns which subscription a notification is for: so what is told
        # meanwhile waits, and the answer goes first.
        self._is_answering = True
        reply = await answer(request)
        self._is_answering = False
        if reply:
            self._waiting.appendleft(reply)
        self._count(reply)

    def _count(self, added: bytes) -> None:
        self._waiting_bytes += len(added)
        if self._waiting_bytes > MAX_WAITING_BYTES and self._transport is not None:
            _log.warning("a subscriber does not read what it asked for: its connection is cut")
            self._transport.abort()
            self._waiting.clear()
            self._waiting_bytes = 0
        if not self._is_answering:
            self._may_write.set()

    async def _write(self) -> None:
        with contextlib.suppress(ClientConnectionResetError):
            while True:
                await self._may_write.wait()
                self._may_write.clear()
                while self._waiting and not self._is_answering:
                    message = self._waiting.popleft()
                    self._waiting_bytes -= len(message)
                    await self._socket.send_frame(message, WSMsgType.TEXT)
