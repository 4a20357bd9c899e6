"""Subscribers that ask too much, read too little, or find the chain at its end."""

import asyncio
import itertools
import json
import socket
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from gridtokenx_hub.local_chain import Genesis, LocalChainError, serve
from gridtokenx_hub.local_chain.websocket import subscriptions
from gridtokenx_hub.local_chain.websocket.methods import METHODS
from gridtokenx_hub.local_chain.websocket.server import MAX_CONNECTIONS

from . import harness
from .subscriber import subscriber_of, websocket_url
from .test_json_rpc import ADDRESS, MISFITS

SOL = harness.SOL
TRANSFERS, EQUAL_SUBSCRIPTIONS = 150, 1_000  # 40 MB of notifications
MAX_GROWTH_BYTES = 20 << 20


async def test_subscriber_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    process = harness.ChainProcess(tmp_path)
    await process.start()
    try:
        async with (
            harness.connected(process.url) as rpc,
            subscriber_of(process.url) as slow,
            subscriber_of(process.url) as other,
        ):
            payer = await harness.funded(rpc, 1_000 * SOL)
            for number in range(EQUAL_SUBSCRIPTIONS):
                part = {"offset": number, "length": 1}
                await slow.subscribe("account", str(payer.pubkey()), {"dataSlice": part})
            logs = await other.subscribe("logs", "all")
            before = psutil.Process(process.pid).memory_info().rss
            recent = await harness.blockhash(rpc)
            sent = [
                await harness.send(rpc, harness.transfer_of(SOL + i, payer, payer.pubkey(), recent))
                for i in range(TRANSFERS)
            ]
            told = [(await other.next_of(logs))["value"]["signature"] for _ in sent]
            assert told == sent
            assert psutil.Process(process.pid).memory_info().rss - before < MAX_GROWTH_BYTES
            await other.subscribe("slot")  # it is served as before
            received = 0
            while (message := await slow.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                received += 1
            assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
            assert received < TRANSFERS * EQUAL_SUBSCRIPTIONS
    finally:
        process.kill()


async def test_too_many_connections(tmp_path: Path) -> None:
    async with (
        harness.served(tmp_path, harness.FakeTime(), Genesis(())) as url,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        sockets = [await session.ws_connect(websocket_url(url)) for _ in range(MAX_CONNECTIONS)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(websocket_url(url))
        assert refused.value.status == 503
        await sockets[0].close()
        async with asyncio.timeout(10):
            while True:  # the chain sees the end of a connection a moment after its client
                try:
                    await (await session.ws_connect(websocket_url(url))).close()
                    break
                except aiohttp.WSServerHandshakeError:
                    await asyncio.sleep(0.01)
        await asyncio.gather(*(one.close() for one in sockets))


async def test_too_many_subscriptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_SUBSCRIPTIONS", 2)
    async with (
        harness.served(tmp_path, harness.FakeTime(), Genesis(())) as url,
        subscriber_of(url) as one,
        subscriber_of(url) as another,
    ):
        number = await one.subscribe("root")
        assert await another.subscribe("root") == number
        answer = await one.ask("logsSubscribe", "all")
        assert answer["error"]["code"] == -32603
        assert "subscription limit reached" in answer["error"]["message"]
        assert await one.subscribe("root") == number
        await one.ask("rootUnsubscribe", number)
        await one.subscribe("logs", "all")


async def test_plain_http_is_refused(chain_url: str) -> None:
    async with aiohttp.ClientSession() as session:
        url = websocket_url(chain_url).replace("ws:", "http:")
        async with session.get(url) as response:
            assert response.status == 400


async def test_message_that_is_too_long_ends_the_connection(chain_url: str) -> None:
    async with subscriber_of(chain_url) as subscriber:
        await subscriber.socket.send_str(json.dumps("x" * 60_000))
        message = await subscriber.socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_no_parameters_whatever_are_an_internal_error(chain_url: str, method: str) -> None:
    lists: list[tuple[Any, ...]] = [(), *itertools.product(MISFITS, repeat=1)]
    lists += itertools.product((*MISFITS, ADDRESS), repeat=2)
    lists += [({"mentions": misfit}, misfit) for misfit in MISFITS]
    codes = set()
    async with subscriber_of(chain_url) as subscriber:
        for parameters in lists:
            answer = await subscriber.ask(method, *parameters)
            codes.add(answer.get("error", {}).get("code"))
    assert codes <= {None, -32602}
    assert -32602 in codes


async def test_chain_says_goodbye(tmp_path: Path) -> None:
    process = harness.ChainProcess(tmp_path)
    await process.start()
    async with subscriber_of(process.url) as subscriber:
        await subscriber.subscribe("slot")
        stopping = asyncio.create_task(asyncio.to_thread(process.stop))
        while (message := await subscriber.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        assert await stopping == 0


async def test_both_ports_have_to_be_free(tmp_path: Path) -> None:
    port = harness.free_port()
    for taken in (port, port + 1):
        with (
            socket.create_server(("127.0.0.1", taken)),
            pytest.raises(LocalChainError, match=f"127.0.0.1:{taken} cannot be used"),
        ):
            await serve(tmp_path, port, Genesis(()))


async def test_connection_that_ends_takes_its_own_subscriptions_along(chain_url: str) -> None:
    async with harness.connected(chain_url) as rpc, subscriber_of(chain_url) as staying:
        number = await staying.subscribe("logs", "all")
        async with subscriber_of(chain_url) as leaving:
            assert await leaving.subscribe("logs", "all") == number
        payer = await harness.funded(rpc)
        result = await staying.next_of(number)
        shown: Any = await rpc.call("getTransaction", result["value"]["signature"])
        assert str(payer.pubkey()) in shown["transaction"]["message"]["accountKeys"]
