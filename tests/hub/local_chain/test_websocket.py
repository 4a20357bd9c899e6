"""Subscriptions: who is told what, and when."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.token import ID as TOKEN_PROGRAM

from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.local_chain import Genesis

from . import harness, tokens
from .subscriber import Subscriber, subscriber_of

SOL = harness.SOL


@pytest.fixture
async def subscriber(chain_url: str) -> AsyncIterator[Subscriber]:
    async with subscriber_of(chain_url) as subscriber:
        yield subscriber


@pytest.fixture
async def payer(rpc: RpcConnection) -> Keypair:
    return await harness.funded(rpc)


async def test_signature_is_told_once(
    rpc: RpcConnection, subscriber: Subscriber, payer: Keypair
) -> None:
    recent = await harness.blockhash(rpc)
    transaction = harness.transfer_of(SOL, payer, Keypair().pubkey(), recent)
    signature = str(transaction.signatures[0])
    number = await subscriber.subscribe("signature", signature)
    await harness.send(rpc, harness.transfer_of(2 * SOL, payer, Keypair().pubkey(), recent))
    assert await subscriber.nothing_waits()
    await harness.send(rpc, transaction)
    slot = (await harness.status_of(rpc, signature))["slot"]
    result = {"context": {"slot": slot}, "value": {"err": None}}
    assert await subscriber.next() == ("signatureNotification", number, result)
    assert "error" in await subscriber.ask("signatureUnsubscribe", number)


async def test_signature_that_has_ended_is_told_after_the_answer(
    rpc: RpcConnection, subscriber: Subscriber, payer: Keypair
) -> None:
    too_much = harness.transfer_of(
        200 * SOL, payer, Keypair().pubkey(), await harness.blockhash(rpc)
    )
    signature = await harness.send(rpc, too_much, preflight=False)
    for _ in range(2):
        number = await subscriber.subscribe("signature", signature)
        assert subscriber.told == []
        method, told, result = await subscriber.next()
        assert (method, told) == ("signatureNotification", number)
        assert result["value"] == {"err": {"InstructionError": [0, {"Custom": 1}]}}


async def test_logs(rpc: RpcConnection, subscriber: Subscriber, payer: Keypair) -> None:
    to = Keypair()
    everything = await subscriber.subscribe("logs", "all")
    mentioned = await subscriber.subscribe("logs", {"mentions": [str(to.pubkey())]})
    recent = await harness.blockhash(rpc)
    first = await harness.send(
        rpc, harness.transfer_of(SOL, payer, Keypair().pubkey(), recent), preflight=False
    )
    second = await harness.send(
        rpc, harness.transfer_of(200 * SOL, payer, to.pubkey(), recent), preflight=False
    )
    told = [(await subscriber.next())[1:] for _ in range(3)]
    assert [(number, result["value"]["signature"]) for number, result in told] == [
        (everything, first),
        (everything, second),
        (mentioned, second),
    ]
    shown: Any = await rpc.call("getTransaction", second)
    assert told[2][1] == {
        "context": {"slot": shown["slot"]},
        "value": {
            "signature": second,
            "err": {"InstructionError": [0, {"Custom": 1}]},
            "logs": shown["meta"]["logMessages"],
        },
    }


async def test_accounts(rpc: RpcConnection, subscriber: Subscriber, payer: Keypair) -> None:
    to = Keypair()
    number = await subscriber.subscribe("account", str(to.pubkey()), {"encoding": "base64"})
    recent = await harness.blockhash(rpc)
    await harness.send(rpc, harness.transfer_of(SOL, payer, to.pubkey(), recent))
    method, told, result = await subscriber.next()
    asked: Any = await rpc.call("getAccountInfo", str(to.pubkey()), {"encoding": "base64"})
    assert (method, told, result["value"]) == ("accountNotification", number, asked["value"])
    await harness.send(rpc, harness.transfer_of(SOL - harness.FEE, to, payer.pubkey(), recent))
    gone = (await subscriber.next_of(number))["value"]
    assert (gone["lamports"], gone["space"]) == (0, 0)


async def test_accounts_of_a_program(
    rpc: RpcConnection, subscriber: Subscriber, payer: Keypair
) -> None:
    filters = [{"dataSize": 165}, {"memcmp": {"offset": 32, "bytes": str(payer.pubkey())}}]
    config = {"encoding": "base64", "filters": filters}
    number = await subscriber.subscribe("program", str(TOKEN_PROGRAM), config)
    minted = await tokens.mint_to_new_account(rpc, payer, 5, 0)
    _, told, result = await subscriber.next()
    assert (told, result["value"]["pubkey"]) == (number, str(minted.account))
    data = base64.b64decode(result["value"]["account"]["data"][0])
    assert int.from_bytes(data[64:72], "little") == 5
    assert await subscriber.nothing_waits()  # the mint does not pass


async def test_time_passes_while_somebody_follows_it(
    rpc: RpcConnection, subscriber: Subscriber
) -> None:
    """Without a request of anybody's."""
    slots = await subscriber.subscribe("slot")
    seen = [await subscriber.next_of(slots) for _ in range(3)]
    assert [slot["parent"] for slot in seen[1:]] == [slot["slot"] for slot in seen[:-1]]
    assert all(slot["root"] == slot["slot"] for slot in seen)
    assert await subscriber.ask("slotUnsubscribe", slots) == {"result": True}
    roots = await subscriber.subscribe("root")
    assert await subscriber.next_of(roots) > seen[-1]["slot"]
    await subscriber.ask("rootUnsubscribe", roots)
    clock = await subscriber.subscribe("account", "SysvarC1ock11111111111111111111111111111111")
    told = await subscriber.next_of(clock)
    assert told["context"]["slot"] > seen[-1]["slot"]
    assert await rpc.call("getSlot") >= told["context"]["slot"]


async def test_equal_subscriptions_share_a_number(chain_url: str, subscriber: Subscriber) -> None:
    address = str(Keypair().pubkey())
    number = await subscriber.subscribe("account", address)
    assert await subscriber.subscribe("account", address) == number
    assert await subscriber.subscribe("account", address, {"commitment": "confirmed"}) != number
    assert await subscriber.subscribe("account", address, {"encoding": "base64"}) != number
    async with subscriber_of(chain_url) as other:
        assert "error" in await other.ask("accountUnsubscribe", number)
        assert await other.subscribe("account", address) == number
    assert await subscriber.ask("accountUnsubscribe", number) == {"result": True}
    assert "error" in await subscriber.ask("accountUnsubscribe", number)
    assert await subscriber.subscribe("account", address) != number


async def test_nothing_is_told_after_the_end_of_a_subscription(
    rpc: RpcConnection, subscriber: Subscriber, payer: Keypair
) -> None:
    number = await subscriber.subscribe("logs", "all")
    assert await subscriber.ask("logsUnsubscribe", number) == {"result": True}
    recent = await harness.blockhash(rpc)
    await harness.send(rpc, harness.transfer_of(SOL, payer, Keypair().pubkey(), recent))
    assert await subscriber.nothing_waits()


async def test_signature_of_long_ago_is_known_to_history_alone(tmp_path: Path) -> None:
    time = harness.FakeTime()
    async with (
        harness.served(tmp_path, time, Genesis(())) as url,
        harness.connected(url) as rpc,
        subscriber_of(url) as subscriber,
    ):
        signature: Any = await rpc.call("requestAirdrop", str(Keypair().pubkey()), SOL)
        for seconds, is_recent in ((119, True), (2, False)):
            time.pass_s(seconds)
            await rpc.call("getSlot")
            answer: Any = await rpc.call("getSignatureStatuses", [signature])
            assert (answer["value"][0] is not None) is is_recent
            await subscriber.subscribe("signature", signature)
            assert await subscriber.nothing_waits() is not is_recent
            subscriber.told.clear()
        assert (await harness.status_of(rpc, signature))["err"] is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("garbage", -32700),
        ("", -32700),
        ("[1]", -32700),
        ("{}", -32600),
        ('{"jsonrpc":"2.0","id":null,"method":"getHealth"}', -32601),
    ],
)
async def test_bad_requests_are_answered(subscriber: Subscriber, body: str, code: int) -> None:
    await subscriber.socket.send_str(body)
    answer = await subscriber.receive()
    assert (answer["error"]["code"], answer["id"]) == (code, None)


async def test_requests_without_an_answer(subscriber: Subscriber) -> None:
    """web3.js sends the first one every few seconds."""
    for body in ('{"jsonrpc":"2.0","method":"ping","params":null}', "[]"):
        await subscriber.socket.send_str(body)
        assert await subscriber.nothing_waits()


async def test_request_may_come_as_bytes_and_in_a_batch(subscriber: Subscriber) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "logsSubscribe", "params": ["all"]}
    await subscriber.socket.send_bytes(json.dumps([request, {**request, "id": 2}]).encode())
    first, second = await subscriber.receive()
    assert (first["id"], second["id"]) == (1, 2)
    assert first["result"] == second["result"]
