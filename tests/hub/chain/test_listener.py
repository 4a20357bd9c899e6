"""Whoever listens to a node's websocket hears of its programs, through whatever becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from solders.keypair import Keypair
from tests.hub.local_chain.subscriber import websocket_url
from tests.hub.onchain import running, until
from tests.hub.websockets import Websocket, websocket

from demo.processes import free_port
from gridtokenx_hub.chain import ChainClient, ProgramListener, listener

from .conftest import make_sender
from .transfers import transfer_to

PROGRAMS = [Keypair().pubkey() for _ in range(3)]


@dataclass
class Listening:
    """A listener that runs, and what it has heard."""

    listener: ProgramListener
    notices: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self) -> None:
        self.notices += 1
        self.heard.set()

    async def run(self, stop: asyncio.Event) -> None:
        await self.listener.run(self.hear, stop)

    async def is_so(self, is_listening: bool) -> bool:
        return self.listener.is_listening is is_listening

    async def becomes(self, is_listening: bool) -> None:
        await until(partial(self.is_so, is_listening), 20)

    async def next(self) -> None:
        """Wait for a notice from now on."""
        self.heard.clear()
        async with asyncio.timeout(20):
            await self.heard.wait()


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Listening]:
    made = Listening(ProgramListener(url, PROGRAMS, first_pause_s=0.01))
    async with running(made):
        yield made


@pytest.fixture
async def node() -> AsyncIterator[Websocket]:
    async with websocket() as node:
        yield node


async def test_what_happens_is_heard(any_client: ChainClient, any_url: str) -> None:
    """The program here is any account: it is named in the transaction."""
    sender = await make_sender(any_client)
    told = Listening(ProgramListener(websocket_url(any_url), [PROGRAMS[0]]))
    async with running(told):
        await told.becomes(True)
        hearing = asyncio.create_task(told.next())
        await asyncio.sleep(0)
        await sender.send(transfer_to(PROGRAMS[0], 10**9))
        await hearing


async def test_every_program_is_asked_for_and_every_notice_is_passed_on(node: Websocket) -> None:
    async with listening(node.url) as told:
        await told.becomes(True)
        assert node.subscriptions == len(PROGRAMS)
        assert told.notices == 1  # there may have been something before
        for text in ("{}", "no JSON", ""):
            hearing = asyncio.create_task(told.next())
            await asyncio.sleep(0)
            await node.tell(text)
            await hearing
        assert told.notices == 4


async def test_a_link_that_is_cut_is_told_and_made_again(node: Websocket) -> None:
    async with listening(node.url) as told:
        await told.becomes(True)
        for round_ in range(2, 4):
            before = told.notices
            await node.cut()
            await until(partial(asked, node, round_ * len(PROGRAMS)))
            await told.becomes(True)
            assert told.notices >= before + 2  # it broke, it stands


async def asked(node: Websocket, times: int) -> bool:
    return node.subscriptions == times


async def test_a_node_without_a_websocket_is_tried_until_it_has_one() -> None:
    port = free_port()
    async with listening(f"ws://127.0.0.1:{port}/") as told:
        assert not told.listener.is_listening
        async with websocket(port):
            await told.becomes(True)
        await told.becomes(False)


async def test_a_node_that_does_not_answer_is_not_listened_to(
    node: Websocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "ANSWER_S", 0.05)
    node.answers = False
    async with listening(node.url) as told:
        await until(partial(asked, node, 2 * len(PROGRAMS)))  # it has tried again
        assert not told.listener.is_listening
        node.answers = True
        await told.becomes(True)


async def test_a_refused_subscription_is_no_link(node: Websocket) -> None:
    node.error = {"code": -32601, "message": "Method not found"}
    async with listening(node.url) as told:
        await node.asked.wait()
        assert not told.listener.is_listening
        node.error = None
        await told.becomes(True)


async def test_a_node_that_is_gone_without_a_word_is_noticed(
    node: Websocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HEARTBEAT_S", 0.1)
    node.answers_pings = False
    async with listening(node.url) as told:
        await told.becomes(True)
        await told.becomes(False)
