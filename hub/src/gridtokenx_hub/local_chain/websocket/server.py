"""The websocket's port."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from aiohttp import web

from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.errors import ChainStoppedError
from gridtokenx_hub.local_chain.json_rpc import answer
from gridtokenx_hub.local_chain.slots import BLOCK_MS
from gridtokenx_hub.local_chain.websocket.connection import Connection
from gridtokenx_hub.local_chain.websocket.methods import METHODS, Subscriber
from gridtokenx_hub.local_chain.websocket.subscriptions import Subscriptions

MAX_CONNECTIONS = 100
_SHUTDOWN_S = 2.0


class WebsocketServer:
    """Answers JSON-RPC on websockets on any path, as Agave does."""

    def __init__(self, chain: LocalChain, subscriptions: Subscriptions) -> None:
        self._chain = chain
        self._subscriptions = subscriptions
        self._connections: set[Connection] = set()

    @contextlib.asynccontextmanager
    async def listening(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serve what comes in at `listener` until the end of the context."""
        server = web.Server(self._serve, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        following = asyncio.create_task(self._follow_time())
        try:
            await web.SockSite(runner, listener).start()
            yield
        finally:
            following.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SHUTDOWN_S):
                    await asyncio.gather(*(one.close() for one in self._connections))
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if len(self._connections) >= MAX_CONNECTIONS:
            raise web.HTTPServiceUnavailable(text=f"{MAX_CONNECTIONS} subscribers are the limit\n")
        connection = Connection()
        subscriber = Subscriber(self._chain, self._subscriptions, connection)
        self._connections.add(connection)
        try:
            return await connection.serve(request, lambda body: answer(METHODS, subscriber, body))
        finally:
            self._connections.remove(connection)
            self._subscriptions.remove_all(connection)

    async def _follow_time(self) -> None:
        """Open slots while somebody wants to be told of them; else only requests open any."""
        with contextlib.suppress(ChainStoppedError):
            while True:
                await self._subscriptions.follows_time.wait()
                await self._chain.producer.catch_up()
                await asyncio.sleep(BLOCK_MS / 1000)
