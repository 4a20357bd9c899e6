"""The websocket wakes the indexer and does nothing else: whatever it does, all is indexed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.local_chain.subscriber import websocket_url
from tests.hub.onchain import PROGRAMS, World, running, until
from tests.hub.websockets import websocket

from gridtokenx_hub.chain import ChainClient, ProgramListener, SignatureInfo
from gridtokenx_hub.indexer import Indexer, indexer

NEVER_S = 10**6
ADDRESSES = [program.id for program in PROGRAMS.values()]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is told, the indexer never looks by itself."""
    monkeypatch.setattr(indexer, "POLLS_SAVED", NEVER_S)
    monkeypatch.setattr(indexer, "LONGEST_PAUSE_S", NEVER_S)


class Late(ChainClient):
    """A client whose node lists nothing at first."""

    looks_too_early = 0

    async def signatures_for_address(self, address: Pubkey, **bounds: Any) -> list[SignatureInfo]:
        if self.looks_too_early:
            self.looks_too_early -= 1
            return []
        return await super().signatures_for_address(address, **bounds)


@asynccontextmanager
async def late(world: World) -> AsyncIterator[Late]:
    client = Late(world.chain.rpc_url)
    try:
        yield client
    finally:
        await client.close()


def listening(world: World, url: str) -> tuple[Indexer, ProgramListener]:
    listener = ProgramListener(url, ADDRESSES, first_pause_s=0.01)
    return world.indexer(listener=listener), listener


async def is_told(listener: ProgramListener) -> None:
    async def listens() -> bool:
        return listener.is_listening

    await until(listens)


@pytest.mark.usefixtures("patient")
async def test_a_notice_is_enough(world: World) -> None:
    """Of each program, time and again."""
    made, listener = listening(world, websocket_url(world.chain.rpc_url))
    async with running(made):
        await is_told(listener)
        for _ in range(3):
            await world.register(Keypair())
            await world.agrees_with_chain()
        device = await world.device()
        await world.open_ledger(device)
        await world.agrees_with_chain()


@pytest.mark.usefixtures("patient")
async def test_when_the_link_is_cut_it_looks_by_itself(world: World) -> None:
    async with websocket() as node:
        made, listener = listening(world, node.url)
        async with running(made):
            await is_told(listener)
            await world.agrees_with_chain()
            node.answers = False
            await node.cut()
            await world.register(Keypair())
            await world.agrees_with_chain()


async def test_a_node_that_tells_nothing_is_asked_now_and_then(world: World) -> None:
    async with websocket() as node:
        made, listener = listening(world, node.url)
        async with running(made):
            await is_told(listener)
            await world.register(Keypair())
            await world.agrees_with_chain()
            assert listener.is_listening


async def test_a_node_without_a_websocket(world: World) -> None:
    made, listener = listening(world, "ws://127.0.0.1:9/")
    async with running(made):
        await world.register(Keypair())
        await world.agrees_with_chain()
        assert not listener.is_listening


@pytest.mark.usefixtures("patient")
async def test_a_node_that_tells_before_it_lists(world: World) -> None:
    """The indexer looks again for what it was told of."""
    async with websocket() as node, late(world) as client:
        listener = ProgramListener(node.url, ADDRESSES, first_pause_s=0.01)
        async with running(world.indexer(client=client, listener=listener)):
            await is_told(listener)
            await world.agrees_with_chain()
            client.looks_too_early = NEVER_S
            await world.register(Keypair())
            client.looks_too_early = 3 * len(ADDRESSES)
            await node.tell()
            await world.agrees_with_chain()
            assert client.looks_too_early == 0


@pytest.mark.usefixtures("patient")
async def test_a_notice_of_nothing_is_followed_for_a_moment_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses_s: list[float] = []

    async def waited(_event: asyncio.Event, timeout_s: float) -> None:
        pauses_s.append(timeout_s)

    monkeypatch.setattr(indexer, "_wait", waited)
    made = world.indexer()
    made.wake()
    for _ in range(20):
        await made._pause()
    assert len(pauses_s) == 13, "seven looks again, 25 ms apart and then ever longer"


async def test_false_alarms_cost_few_looks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, the indexer looks once for all that came since its last look."""
    monkeypatch.setattr(indexer, "SHORTEST_PAUSE_S", 0.1)
    monkeypatch.setattr(indexer, "POLLS_SAVED", NEVER_S)
    looks = 0

    class Counted(Indexer):
        async def _round(self, connection: object) -> None:
            nonlocal looks
            looks += 1
            await super()._round(connection)  # type: ignore[arg-type]  # passed on as it came

    async with websocket() as node:
        listener = ProgramListener(node.url, ADDRESSES, first_pause_s=0.01)
        made = Counted(world.pool, world.client, PROGRAMS, 0.1, listener=listener)
        async with running(made):
            await is_told(listener)
            await asyncio.gather(*(node.tell() for _ in range(2_000)))
            await world.register(Keypair())
            await node.tell()
            await world.agrees_with_chain()
    assert 0 < looks < 500
