"""The same conversation with any node: every question that the hub asks, and bad ones."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.system_program import TransferParams, transfer
from solders.token import ID as TOKEN_PROGRAM
from solders.transaction import VersionedTransaction
from tests.hub.local_chain import harness, tokens

from gridtokenx_hub.chain.rpc import RpcConnection

SOL = harness.SOL
CLOCK = "SysvarC1ock11111111111111111111111111111111"
CONFIRMED = harness.CONFIRMED
PAYER, RECEIVER, STRANGER = (Keypair.from_seed(bytes([byte] * 32)) for byte in (1, 2, 3))
UNKNOWN = str(STRANGER.sign_message(b"never sent"))


@dataclass
class Conversation:
    """Answers by what they were asked for."""

    rpc: RpcConnection
    answers: dict[str, Any] = field(default_factory=dict)

    async def ask(self, label: str, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        status, body = await harness.post(self.rpc.url, json.dumps(request).encode())
        assert status == 200
        self.answers[label] = json.loads(body)
        return self.answers[label]

    async def post(self, label: str, body: bytes) -> None:
        status, answered = await harness.post(self.rpc.url, body)
        self.answers[label] = (status, json.loads(answered) if answered else None)

    async def send(self, label: str, transaction: VersionedTransaction, **config: Any) -> str:
        answer = await self.ask(
            label,
            "sendTransaction",
            base64.b64encode(bytes(transaction)).decode(),
            {"encoding": "base64", "preflightCommitment": "confirmed", **config},
        )
        return str(answer.get("result"))

    async def confirmed(self, signature: str) -> str:
        async with asyncio.timeout(60):
            while True:
                status = await harness.status_of(self.rpc, signature)
                if status and status["confirmationStatus"] in {"confirmed", "finalized"}:
                    return signature
                await asyncio.sleep(0.1)

    async def transfer(self, lamports: int, payer: Keypair = PAYER) -> VersionedTransaction:
        recent = await harness.blockhash(self.rpc)
        return harness.transfer_of(lamports, payer, RECEIVER.pubkey(), recent)


async def converse(rpc: RpcConnection) -> dict[str, Any]:
    """Have the whole conversation and return the answers."""
    talk = Conversation(rpc)
    answer = await talk.ask("airdrop", "requestAirdrop", str(PAYER.pubkey()), 100 * SOL)
    await talk.confirmed(answer["result"])
    await _bad_bodies(talk)
    await _status(talk)
    await _sending(talk)
    await _history(talk)
    await _accounts(talk)
    await _tokens(talk)
    return talk.answers


async def _bad_bodies(talk: Conversation) -> None:
    head = b'{"jsonrpc":"2.0","id":1,"method":'
    await talk.post("garbage", b"garbage")
    await talk.post("nothing", b"")
    await talk.post("empty object", b"{}")
    await talk.post("numbers", b"[1,2]")
    await talk.post("no batch", b"[]")
    await talk.post("old version", b'{"jsonrpc":"1.0","id":1,"method":"getHealth"}')
    await talk.post("no method", b'{"jsonrpc":"2.0","id":1}')
    await talk.post("method is no text", head + b"5}")
    await talk.post("id is an object", b'{"jsonrpc":"2.0","id":{},"method":"getHealth"}')
    await talk.post("notification", b'{"jsonrpc":"2.0","method":"getHealth"}')
    await talk.post("no parameters", head + b'"getHealth","params":null}')
    await talk.post("trailing", head + b'"getHealth"} more')
    await talk.post("batch", b"[" + head + b'"getHealth"},' + head + b'"none"}]')
    await talk.ask("unknown method", "none")


async def _status(talk: Conversation) -> None:
    await talk.ask("health", "getHealth")
    await talk.ask("version", "getVersion")
    await talk.ask("genesis hash", "getGenesisHash")
    slot = (await talk.ask("slot", "getSlot", CONFIRMED))["result"]
    await talk.ask("slot too far", "getSlot", {"minContextSlot": 1 << 40})
    await talk.ask("block height", "getBlockHeight", CONFIRMED)
    await talk.ask("blockhash", "getLatestBlockhash", CONFIRMED)
    await talk.ask("no blockhash", "isBlockhashValid", str(Hash.default()), CONFIRMED)
    await talk.ask("bad blockhash", "isBlockhashValid", "xx", CONFIRMED)
    await talk.ask("block time of the far future", "getBlockTime", slot + 1_000_000)
    await talk.ask("block time of text", "getBlockTime", "x")
    await talk.ask("rent", "getMinimumBalanceForRentExemption", 165)
    await talk.ask("rent of nothing", "getMinimumBalanceForRentExemption")


async def _sending(talk: Conversation) -> None:
    good = await talk.transfer(SOL)
    await talk.confirmed(await talk.send("transfer", good))
    await talk.send("repeated", good)
    await talk.send("repeated without trial", good, skipPreflight=True)
    await talk.send("too much", await talk.transfer(1_000 * SOL))
    await talk.send("too little for rent", await _tiny(talk))
    await talk.send("stranger", await talk.transfer(1, STRANGER))
    unknown = harness.transfer_of(1, PAYER, RECEIVER.pubkey(), Hash.default())
    await talk.send("unknown blockhash", unknown)
    await talk.send("unknown blockhash without trial", unknown, skipPreflight=True)
    false = VersionedTransaction.populate(
        (await talk.transfer(2 * SOL)).message, [STRANGER.sign_message(b"false")]
    )
    await talk.send("false signature", false)
    await talk.send("false signature without trial", false, skipPreflight=True)
    for label, encoded, encoding in (
        ("no base58", "0OIl", "base58"),
        ("too long", "A" * 3_000, "base64"),
        ("no such encoding", "AA==", "hex"),
        ("unsupported encoding", "AA==", "jsonParsed"),
    ):
        await talk.ask(label, "sendTransaction", encoded, {"encoding": encoding})
    await talk.ask("no transaction", "sendTransaction")
    await talk.ask("transaction is a number", "sendTransaction", 5)
    await _simulating(talk)


async def _tiny(talk: Conversation) -> VersionedTransaction:
    recent = await harness.blockhash(talk.rpc)
    return harness.transfer_of(1, PAYER, Keypair.from_seed(bytes([4] * 32)).pubkey(), recent)


async def _simulating(talk: Conversation) -> None:
    async def simulate(label: str, transaction: VersionedTransaction, **config: Any) -> None:
        encoded = base64.b64encode(bytes(transaction)).decode()
        wanted = {"encoding": "base64", **CONFIRMED, **config}
        await talk.ask(label, "simulateTransaction", encoded, wanted)

    accounts = {"addresses": [str(RECEIVER.pubkey())], "encoding": "base64"}
    await simulate("simulated", await talk.transfer(3 * SOL), accounts=accounts)
    await simulate("simulated failure", await talk.transfer(1_000 * SOL))
    unknown = harness.transfer_of(1, PAYER, RECEIVER.pubkey(), Hash.default())
    await simulate("simulated with unknown blockhash", unknown)
    await simulate("simulated with another blockhash", unknown, replaceRecentBlockhash=True)
    await simulate("contradiction", unknown, replaceRecentBlockhash=True, sigVerify=True)


async def _history(talk: Conversation) -> None:
    message = MessageV0.try_compile(
        PAYER.pubkey(),
        [
            transfer(
                TransferParams(
                    from_pubkey=PAYER.pubkey(), to_pubkey=RECEIVER.pubkey(), lamports=4 * SOL
                )
            )
        ],
        [],
        await harness.blockhash(talk.rpc),
    )
    versioned = await talk.confirmed(
        await talk.send("versioned", VersionedTransaction(message, [PAYER]))
    )
    failed = await talk.confirmed(
        await talk.send("failed", await talk.transfer(1_000 * SOL), skipPreflight=True)
    )
    with_version = {**CONFIRMED, "maxSupportedTransactionVersion": 0}
    await talk.ask("versioned unasked", "getTransaction", versioned, CONFIRMED)
    await talk.ask("versioned as json", "getTransaction", versioned, with_version)
    for encoding in ("base64", "base58", "bogus"):
        config = {**with_version, "encoding": encoding}
        await talk.ask(f"versioned as {encoding}", "getTransaction", versioned, config)
    await talk.ask("failed in full", "getTransaction", failed, CONFIRMED)
    await talk.ask("unknown transaction", "getTransaction", UNKNOWN, CONFIRMED)
    await talk.ask("processed", "getTransaction", failed, {"commitment": "processed"})
    search = {"searchTransactionHistory": True}
    await talk.ask("statuses", "getSignatureStatuses", [versioned, failed, UNKNOWN], search)
    await talk.ask("too many statuses", "getSignatureStatuses", [versioned] * 257)
    await talk.ask("status of no list", "getSignatureStatuses", "x")
    address = str(RECEIVER.pubkey())
    for label, config in (
        ("history", {}),
        ("history of one", {"limit": 1}),
        ("history before", {"before": failed}),
        ("history until", {"until": versioned}),
        ("history of none", {"limit": 0}),
        ("history of too many", {"limit": 1001}),
        ("history before no signature", {"before": "xx"}),
        ("history until unknown", {"until": UNKNOWN}),
    ):
        await talk.ask(label, "getSignaturesForAddress", address, {**CONFIRMED, **config})


async def _accounts(talk: Conversation) -> None:
    address, nobody = str(RECEIVER.pubkey()), str(STRANGER.pubkey())
    for encoding in ("base58", "base64", "jsonParsed", "bogus"):
        config = {**CONFIRMED, "encoding": encoding}
        await talk.ask(f"account in {encoding}", "getAccountInfo", address, config)
    await talk.ask("account", "getAccountInfo", address, CONFIRMED)
    await talk.ask("no account", "getAccountInfo", nobody, CONFIRMED)
    await talk.ask("bad address", "getAccountInfo", "x")
    part = {"offset": 8, "length": 8}
    config = {**CONFIRMED, "encoding": "base64", "dataSlice": part}
    await talk.ask("part of the clock", "getAccountInfo", CLOCK, config)
    await talk.ask("accounts", "getMultipleAccounts", [address, nobody], CONFIRMED)
    await talk.ask("too many accounts", "getMultipleAccounts", [address] * 101, CONFIRMED)
    await talk.ask("balance", "getBalance", address, CONFIRMED)
    await talk.ask("balance of nobody", "getBalance", nobody, CONFIRMED)
    await talk.ask("balance of nothing", "getBalance")
    await talk.ask("balance of a number", "getBalance", 5)


async def _tokens(talk: Conversation) -> None:
    minted = await tokens.mint_to_new_account(talk.rpc, PAYER, 12_345_600, 6)
    await talk.confirmed(minted.signature)
    wallet, account, mint = str(PAYER.pubkey()), str(minted.account), str(minted.mint)
    await talk.ask("minting", "getTransaction", minted.signature, CONFIRMED)
    await talk.ask("tokens", "getTokenAccountBalance", account, CONFIRMED)
    await talk.ask("supply", "getTokenSupply", mint, CONFIRMED)
    await talk.ask("no token account", "getTokenAccountBalance", wallet, CONFIRMED)
    await talk.ask("no mint", "getTokenSupply", wallet, CONFIRMED)
    await talk.ask("tokens nowhere", "getTokenAccountBalance", str(STRANGER.pubkey()), CONFIRMED)
    config = {**CONFIRMED, "encoding": "base64"}
    for label, choice in (
        ("owned of a mint", {"mint": mint}),
        ("owned of a program", {"programId": str(TOKEN_PROGRAM)}),
        ("owned of no program", {"programId": wallet}),
        ("owned of no mint", {"mint": str(STRANGER.pubkey())}),
        ("owned of anything", {}),
    ):
        await talk.ask(label, "getTokenAccountsByOwner", wallet, choice, config)
    of_owner = {"memcmp": {"offset": 32, "bytes": wallet}}
    for label, filters in (
        ("filtered", [{"dataSize": 165}, of_owner]),
        ("filtered out", [{"dataSize": 82}, of_owner]),
        ("bad filter", [{"memcmp": {"offset": 0, "bytes": "0OIl"}}]),
        ("too many filters", [of_owner] * 5),
    ):
        found = {**config, "filters": filters}
        await talk.ask(label, "getProgramAccounts", str(TOKEN_PROGRAM), found)
