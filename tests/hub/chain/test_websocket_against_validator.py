"""Subscriptions beside a real validator's: the same answers, errors and notifications."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.token import ID as TOKEN_PROGRAM
from solders.token.associated import get_associated_token_address
from solders.transaction import VersionedTransaction
from tests.hub.local_chain import harness, tokens
from tests.hub.local_chain.subscriber import Subscriber, subscriber_of

from gridtokenx_hub.chain.rpc import RpcConnection

from . import validator
from .conversation import CONFIRMED, RECEIVER, SOL, STRANGER, UNKNOWN, Conversation
from .differences import difference, named

pytestmark = pytest.mark.skipif(
    validator.find() is None,
    reason="no solana-test-validator on PATH or in the folder that GTX_SOLANA_BIN names",
)

ADDRESS, OTHER = str(RECEIVER.pubkey()), str(STRANGER.pubkey())
BODIES = [
    "garbage",
    "",
    "{}",
    "[1,2]",
    '{"jsonrpc":"1.0","id":1,"method":"slotSubscribe"}',
    '{"jsonrpc":"2.0","id":1}',
    '[{"jsonrpc":"2.0","id":1,"method":"none"},{"jsonrpc":"2.0","id":2,"method":"getHealth"}]',
    '[{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","id":"x","method":"slotUnsubscribe","params":["x"]}]',
]
BAD_FILTERS: list[Any] = [
    [{"other": 1}],
    [{"dataSize": "x"}],
    [{"dataSize": 1}] * 5,
    [{"memcmp": {"offset": 0, "bytes": "0OIl"}}],
    [{"memcmp": {"offset": 0, "bytes": "1" * 129}}],
    [{"memcmp": {"offset": 0, "bytes": [0] * 129}}],
]
QUESTIONS: list[tuple[Any, ...]] = [
    ("none",),
    ("getSlot",),
    ("signatureSubscribe",),
    ("signatureSubscribe", 5),
    ("signatureSubscribe", "xx"),
    ("signatureSubscribe", UNKNOWN, 5),
    ("signatureSubscribe", UNKNOWN, {"commitment": "bogus"}),
    ("signatureSubscribe", UNKNOWN, {}, {}),
    ("signatureUnsubscribe",),
    ("signatureUnsubscribe", "x"),
    ("signatureUnsubscribe", 1 << 40),
    ("signatureUnsubscribe", 0, 0),
    ("logsSubscribe",),
    ("logsSubscribe", "bogus"),
    ("logsSubscribe", 5),
    ("logsSubscribe", {"mentions": []}),
    ("logsSubscribe", {"mentions": [ADDRESS, OTHER]}),
    ("logsSubscribe", {"mentions": ["x"]}),
    ("logsSubscribe", {"mentions": ADDRESS}),
    ("logsSubscribe", {"mentions": [5]}),
    ("logsSubscribe", {"other": [ADDRESS]}),
    ("logsSubscribe", {}),
    ("accountSubscribe",),
    ("accountSubscribe", "x"),
    ("accountSubscribe", ADDRESS, {"encoding": "bogus"}),
    ("accountSubscribe", ADDRESS, {"encoding": 5}),
    ("programSubscribe", "x"),
    *(("programSubscribe", ADDRESS, {"filters": filters}) for filters in BAD_FILTERS),
    ("accountSubscribe", ADDRESS, {"dataSlice": {"offset": 1}}),
    ("slotSubscribe", 5),
    ("rootSubscribe", {}),
]
WORDED_BY_A_PARSER: list[Any] = [
    ("signatureSubscribe", UNKNOWN, 5),
    ("signatureUnsubscribe",),
    ("signatureUnsubscribe", 0, 0),
    ("logsSubscribe", 5),
    ("accountSubscribe", ADDRESS, {"encoding": 5}),
    *(("programSubscribe", ADDRESS, {"filters": filters}) for filters in BAD_FILTERS),
    ("slotSubscribe", 5),
    ("rootSubscribe", {}),
]
"""Each side has its own parser: of these answers only the code is the same."""


LISTENING_S = 20


@dataclass
class Node:
    """A node's websocket, and what it told."""

    rpc: RpcConnection
    subscriber: Subscriber
    names: dict[str, str] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    told: dict[str, list[Any]] = field(default_factory=dict)

    async def subscribe(self, topic: str, kind: str, *params: Any) -> None:
        self.topics[await self.subscriber.subscribe(kind, *params)] = topic
        self.told[topic] = []

    async def confirmed(self, name: str, transaction: VersionedTransaction) -> None:
        """Follow a transaction by its signature, and send it."""
        talk, signature = Conversation(self.rpc), str(transaction.signatures[0])
        self.names[signature] = name
        await self.subscribe(f"end of {name}", "signature", signature, CONFIRMED)
        await talk.send("", transaction, skipPreflight=True)
        await talk.confirmed(signature)

    async def listen(self, expected: dict[str, list[Any]] | None) -> None:
        """Take what was told, and wait until there is as much of each topic as `expected`."""
        with suppress(TimeoutError):  # what is missing is a difference
            async with asyncio.timeout(LISTENING_S):
                while expected and any(
                    len(self.told[topic]) < len(results) for topic, results in expected.items()
                ):
                    self._take(await self.subscriber.next())
        await self.subscriber.nothing_waits()
        while self.subscriber.told:
            self._take(await self.subscriber.next())

    def _take(self, notification: tuple[str, int, Any]) -> None:
        method, subscription, result = notification
        told = self.told[self.topics[subscription]]
        found = named({"method": method, "result": result}, self.names)
        # A validator repeats itself now and then, at other slots too.
        if all(difference(found, known) for known in told):
            told.append(found)


async def test_answers_and_errors(local_url: str, validator_url: str) -> None:
    answers: list[list[Any]] = []
    for url in (local_url, validator_url):
        async with subscriber_of(url) as subscriber:
            answers.append([await subscriber.ask(*question) for question in QUESTIONS])
            for body in BODIES:
                await subscriber.socket.send_str(body)
                answers[-1].append(await subscriber.receive())
    differences = [
        f"{question}: {found}"
        for question, local, real in zip([*QUESTIONS, *BODIES], *answers, strict=True)
        if (found := _differs(question, local, real))
    ]
    assert not differences, "\n".join(differences)


def _differs(question: Any, local: Any, real: Any) -> str | None:
    if question in WORDED_BY_A_PARSER:
        return difference(local["error"]["code"], real["error"]["code"])
    numbers = "result" in local and isinstance(local["result"], int)
    return difference(local, real, exact=not numbers)


async def test_numbers_of_subscriptions(local_url: str, validator_url: str) -> None:
    """Equal subscriptions share one; it goes by any method that ends one, and only once."""
    seen = []
    for url in (local_url, validator_url):
        async with subscriber_of(url) as one, subscriber_of(url) as another:
            first = await one.subscribe("account", ADDRESS, {"encoding": "base64"})
            seen.append(
                (
                    await one.subscribe("account", ADDRESS, {"encoding": "base64"}) == first,
                    await another.subscribe("account", ADDRESS, {"encoding": "base64"}) == first,
                    await one.subscribe("account", ADDRESS) == first,
                    await one.subscribe("account", ADDRESS, CONFIRMED) == first,
                    await one.ask("slotUnsubscribe", first),
                    await one.ask("accountUnsubscribe", first),
                    await another.ask("accountUnsubscribe", first),
                    await one.ask("accountUnsubscribe", first),
                )
            )
    assert seen[0] == seen[1]


async def test_slots(local_url: str, validator_url: str) -> None:
    for url in (local_url, validator_url):
        async with subscriber_of(url) as subscriber:
            slots, roots = await subscriber.subscribe("slot"), await subscriber.subscribe("root")
            first, second = [await subscriber.next_of(slots) for _ in range(2)]
            assert first.keys() == {"slot", "parent", "root"}
            assert first["slot"] == second["parent"]
            assert first["root"] <= first["slot"]
            assert isinstance(await subscriber.next_of(roots), int)


async def test_notifications(local_url: str, validator_url: str) -> None:
    told: list[dict[str, list[Any]]] = []
    for url in (local_url, validator_url):
        async with harness.connected(url) as rpc, subscriber_of(url) as subscriber:
            node = Node(rpc, subscriber)
            await act(node)
            await node.listen(told[0] if told else None)
            told.append(node.told)
    local, real = told
    assert all(local.values()), "each topic has something to tell"
    differences = [
        f"{topic}: {found}\n{local[topic]}\n{real[topic]}"
        for topic in local
        if (found := difference(local[topic], real[topic]))
    ]
    assert not differences, "\n".join(differences)


async def act(node: Node) -> None:
    """Subscribe to everything, and do what it tells about: one transaction after the other."""
    # The same on both chains, as their keys are in the data of accounts.
    payer, to, mint = (Keypair.from_seed(bytes([byte] * 32)) for byte in (21, 22, 23))
    for keypair in (payer, to):
        node.names[str(keypair.pubkey())] = "payer" if keypair is payer else "receiver"
    talk = Conversation(node.rpc)
    answer = await talk.ask("", "requestAirdrop", str(payer.pubkey()), 100 * SOL)
    await talk.confirmed(answer["result"])
    receiver, config = str(to.pubkey()), {**CONFIRMED, "encoding": "base64"}
    await node.subscribe("logs that mention", "logs", {"mentions": [receiver]}, CONFIRMED)
    await node.subscribe("account", "account", receiver, config)
    await node.subscribe("account as text", "account", receiver, CONFIRMED)
    await node.subscribe("payer", "account", str(payer.pubkey()), {**config, "encoding": "base58"})
    filters = [{"dataSize": 165}, {"memcmp": {"offset": 32, "bytes": str(payer.pubkey())}}]
    owned = {"filters": filters, **CONFIRMED}
    await node.subscribe("tokens", "program", str(TOKEN_PROGRAM), {**owned, "encoding": "base64"})
    await node.subscribe("tokens too long for text", "program", str(TOKEN_PROGRAM), owned)
    part = {"dataSlice": {"offset": 64, "length": 8}}
    await node.subscribe("amounts", "program", str(TOKEN_PROGRAM), {**owned, **part})
    in_base64 = {**owned, **part, "encoding": "base64"}
    await node.subscribe("amounts in base64", "program", str(TOKEN_PROGRAM), in_base64)
    tokens_of_payer = str(get_associated_token_address(payer.pubkey(), mint.pubkey()))
    await node.subscribe("amount", "account", tokens_of_payer, {**CONFIRMED, **part})
    await node.subscribe("amount in base64", "account", tokens_of_payer, {**config, **part})

    for name, lamports in (("transfer", SOL), ("failure", 1_000 * SOL), ("another", 2 * SOL)):
        recent = await harness.blockhash(node.rpc)
        transaction = harness.transfer_of(lamports, payer, to.pubkey(), recent)
        await node.confirmed(name, transaction)
        signature = str(transaction.signatures[0])
        await node.subscribe(f"end of {name}, asked later", "signature", signature, CONFIRMED)
    recent = await harness.blockhash(node.rpc)
    everything = 3 * SOL - harness.FEE
    await node.confirmed("leaving", harness.transfer_of(everything, to, payer.pubkey(), recent))
    minted = await tokens.mint_to_new_account(node.rpc, payer, 5, 0, mint)
    node.names[str(minted.account)] = "token account"
    await talk.confirmed(minted.signature)
