"""A subscriber of any node's websocket."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp

PATIENCE_S = 30


def websocket_url(rpc_url: str) -> str:
    """Where Solana's clients look for the websocket of a node: at the next port."""
    return f"ws://127.0.0.1:{(urlsplit(rpc_url).port or 0) + 1}/"


class Subscriber:
    """Asks, and keeps what it is told meanwhile."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self._ids = itertools.count(1)

    async def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """The answer to a request: with `result` or `error`."""
        number = next(self._ids)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        await self.socket.send_str(json.dumps(request))
        answer = await self.receive()
        while "method" in answer:
            self.told.append(answer)
            answer = await self.receive()
        assert answer.pop("id") == number
        assert answer.pop("jsonrpc") == "2.0"
        return answer

    async def subscribe(self, kind: str, *params: Any) -> int:
        """The number of a new subscription."""
        number: int = (await self.ask(f"{kind}Subscribe", *params))["result"]
        return number

    async def next(self) -> tuple[str, int, Any]:
        """Method, subscription and result of the next notification."""
        notification = self.told.pop(0) if self.told else await self.receive()
        params = notification["params"]
        return notification["method"], params["subscription"], params["result"]

    async def next_of(self, *subscriptions: int) -> Any:
        """The result of the next notification of one of these subscriptions."""
        while True:
            _, subscription, result = await self.next()
            if subscription in subscriptions:
                return result

    async def nothing_waits(self) -> bool:
        """Whether nothing was told before the answer to a question asked now."""
        await self.ask("none")
        return not self.told

    async def receive(self) -> Any:
        """The next message."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.socket.receive_json()


@asynccontextmanager
async def subscriber_of(rpc_url: str) -> AsyncIterator[Subscriber]:
    """A connection to the websocket of a node."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(websocket_url(rpc_url)) as socket,
    ):
        yield Subscriber(socket)
