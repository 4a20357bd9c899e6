"""The websocket of a node that does as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web


@dataclass
class Websocket:
    """What the node does now, and who is connected.

    Attributes:
        answers: whether it agrees to subscriptions.
        error: answered to a subscription instead.
        answers_pings: whether it shows that it is there.
        subscriptions: how many it was asked for, over all connections.
    """

    url: str
    answers: bool = True
    error: object = None
    answers_pings: bool = True
    subscriptions: int = 0
    open: set[web.WebSocketResponse] = field(default_factory=set)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=self.answers_pings)
        await socket.prepare(request)
        self.open.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._answer(socket, json.loads(message.data)["id"])
        finally:
            self.open.discard(socket)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, number: int) -> None:
        self.subscriptions += 1
        self.asked.set()
        if self.error is not None:
            await socket.send_json({"jsonrpc": "2.0", "id": number, "error": self.error})
        elif self.answers:
            await socket.send_json({"jsonrpc": "2.0", "id": number, "result": number})

    async def tell(self, text: str = "{}") -> None:
        """Tell everybody, whether it is true or not."""
        for socket in list(self.open):
            await socket.send_str(text)

    async def cut(self) -> None:
        """Close every connection."""
        for socket in list(self.open):
            await socket.close()


@asynccontextmanager
async def websocket(port: int = 0) -> AsyncIterator[Websocket]:
    """Run one on this port."""
    node = Websocket("")
    runner = web.ServerRunner(web.Server(node.serve), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    node.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield node
    finally:
        await node.cut()
        await runner.cleanup()
