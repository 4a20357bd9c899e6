"""Hears from a node, over its websocket, that something has happened."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import aiohttp
from solders.pubkey import Pubkey

from gridtokenx_hub.json_types import Json
from gridtokenx_hub.leadership import until_stopped

ANSWER_S = 10.0
HEARTBEAT_S = 10.0
"""How often the node has to show that it is there: a link may be dead without being closed."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0

log = logging.getLogger(__name__)


class _NotListening(Exception):
    """The node does not tell, or does not any more."""


Subscription = tuple[str, list[Json]]
"""A method that subscribes, and its parameters."""


class NodeListener:
    """Keeps subscriptions at a node.

    What it hears is a reason to look at the chain and nothing more: a notice may be lost, late or
    wrong, and what it says is not read. Whoever listens also looks by themselves, now and then.

    Args:
        url: the node's websocket.
        subscriptions: what it is asked to tell.
        first_pause_s: before the link is made again after it broke; it doubles up to 30 s while
            that fails.

    Attributes:
        is_listening: whether the node has agreed to tell, and the link stands.
    """

    def __init__(
        self,
        url: str,
        subscriptions: Sequence[Subscription],
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self.is_listening = False
        self._url = url
        self._subscriptions = tuple(subscriptions)
        self._first_pause_s = first_pause_s

    async def run(self, heard: Callable[[], None], stop: asyncio.Event) -> None:
        """Call `heard` at each notice, and whenever the link is made or breaks, until `stop`."""
        await until_stopped(stop, self._keep_listening(heard))

    async def _keep_listening(self, heard: Callable[[], None]) -> None:
        pause_s = self._first_pause_s
        async with aiohttp.ClientSession(trust_env=True) as session:
            while True:
                try:
                    await self._listen(session, heard)
                except (aiohttp.ClientError, OSError, ValueError, _NotListening) as error:
                    if self.is_listening or pause_s == self._first_pause_s:
                        log.warning("%s tells nothing (%r): looking more often", self._url, error)
                if self.is_listening:
                    self.is_listening = False
                    pause_s = self._first_pause_s
                    heard()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _listen(self, session: aiohttp.ClientSession, heard: Callable[[], None]) -> None:
        async with asyncio.timeout(ANSWER_S):
            socket = await session.ws_connect(self._url, heartbeat=HEARTBEAT_S)
        async with socket:
            async with asyncio.timeout(ANSWER_S):
                await self._subscribe(socket)
            log.info("%s tells what happens", self._url)
            self.is_listening = True
            heard()  # what happened before is not told
            async for _notice in socket:
                heard()
        raise _NotListening("the link is closed")

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        waiting = set(range(len(self._subscriptions)))
        for number, (method, params) in enumerate(self._subscriptions):
            await socket.send_json(
                {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            )
        while waiting:
            answer = await socket.receive_json()
            if not isinstance(answer, dict) or "error" in answer:
                raise _NotListening(f"it answered {str(answer)[:200]}")
            waiting.discard(answer.get("id"))


class ProgramListener(NodeListener):
    """Listens for transactions that name one of these Solana programs.

    Args:
        url: the node's websocket.
        programs: their addresses.
        first_pause_s: as of any listener.
    """

    def __init__(
        self, url: str, programs: Sequence[Pubkey], first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        options: Json = {"commitment": "confirmed"}
        named: list[Subscription] = [
            ("logsSubscribe", [{"mentions": [str(program)]}, options]) for program in programs
        ]
        super().__init__(url, named, first_pause_s)
