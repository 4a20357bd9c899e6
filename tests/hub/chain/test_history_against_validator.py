"""History as a real validator has it: which transactions, in which order, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair
from tests.hub.local_chain import harness

from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.local_chain import Genesis

from . import validator
from .conversation import CONFIRMED, PAYER, RECEIVER, SOL, STRANGER, UNKNOWN, Conversation
from .differences import difference, named

pytestmark = pytest.mark.skipif(
    validator.find() is None,
    reason="no solana-test-validator on PATH or in the folder that GTX_SOLANA_BIN names",
)
TICKS_PER_SLOT = 8  # slots of 50 ms: the statuses of 300 slots are gone after 15 s
TRANSFERS = 5
FORGETTING_TIMEOUT_S = 90


@dataclass
class Past:
    """A node with the same history as the other, and the names of its transactions."""

    rpc: RpcConnection
    names: dict[str, str]

    def signature(self, name: str) -> str:
        return next(signature for signature, known in self.names.items() if known == name)

    async def ask(self, method: str, *params: Any) -> Any:
        """The answer, with names for the signatures."""
        talk = Conversation(self.rpc)
        return named(await talk.ask("", method, *params), self.names)


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Past, Past, harness.FakeTime]]:
    """The local chain with its clock, and a validator; each with the same transactions."""
    time, binary = harness.FakeTime(), validator.find()
    assert binary is not None
    async with AsyncExitStack() as stack:
        urls = (
            await stack.enter_async_context(harness.served(tmp_path / "local", time, Genesis(()))),
            await stack.enter_async_context(
                validator.running(binary, tmp_path / "real", ticks_per_slot=TICKS_PER_SLOT)
            ),
        )
        local, real = [
            await make_history(await stack.enter_async_context(harness.connected(url)))
            for url in urls
        ]
        yield local, real, time


async def make_history(rpc: RpcConnection) -> Past:
    """Transfers between the same accounts, one of which fails, and one between others."""
    talk, names = Conversation(rpc), {}
    for keypair in (PAYER, STRANGER):
        answer = await talk.ask("", "requestAirdrop", str(keypair.pubkey()), 100 * SOL)
        names[await talk.confirmed(answer["result"])] = f"airdrop to {keypair.pubkey()}"
    for number in range(TRANSFERS):
        name, lamports = f"transfer {number}", SOL + number
        if number == 2:
            name, lamports = "failure", 1_000 * SOL
        transaction = await talk.transfer(lamports)
        names[await talk.confirmed(await talk.send("", transaction, skipPreflight=True))] = name
    recent = await harness.blockhash(rpc)
    other = harness.transfer_of(SOL, STRANGER, Keypair.from_seed(b"7" * 32).pubkey(), recent)
    names[await talk.confirmed(await talk.send("", other))] = "other"
    return Past(rpc, names)


PAGES: list[dict[str, Any]] = [
    {},
    {"limit": 2},
    {"before": "transfer 3"},
    {"before": "transfer 3", "limit": 1},
    {"until": "transfer 1"},
    {"until": "transfer 0", "limit": 2},
    {"before": "transfer 4", "until": "transfer 0"},
    {"before": "transfer 0", "until": "transfer 4"},
    {"before": "failure", "until": "failure"},
    {"before": "other"},
    {"until": "other"},
    {"before": "transfer 0"},
    {"before": UNKNOWN},
    {"until": UNKNOWN},
    {"limit": 1000},
    {"limit": -1},
    {"limit": "x"},
    {"before": 5},
    {"commitment": "processed"},
    {"minContextSlot": 1 << 40},
]


async def test_history(both: tuple[Past, Past, harness.FakeTime]) -> None:
    local, real, time = both
    differences = [found async for found in _pages(local, real)]
    differences += [found async for found in _transactions(local, real)]
    differences += [found async for found in _statuses(local, real)]
    time.pass_s(121)
    await local.ask("getSlot")
    await forgotten(real)
    differences += [found async for found in _statuses(local, real)]
    assert not differences, "\n".join(differences)


async def _pages(local: Past, real: Past) -> AsyncIterator[str]:
    for address in (RECEIVER, PAYER, STRANGER, Keypair()):
        for page in PAGES:
            answers = []
            for node in (local, real):
                config = {
                    key: node.signature(value) if value in node.names.values() else value
                    for key, value in page.items()
                }
                whom = str(address.pubkey())
                config = {**CONFIRMED, **config}
                answers.append(await node.ask("getSignaturesForAddress", whom, config))
            if found := difference(*answers):
                yield f"{page}: {found}"


async def _transactions(local: Past, real: Past) -> AsyncIterator[str]:
    config = {**CONFIRMED, "maxSupportedTransactionVersion": 0}
    for name in local.names.values():
        if name.startswith("airdrop"):
            continue  # each node makes them in its own way
        answers = [
            await node.ask("getTransaction", node.signature(name), config) for node in (local, real)
        ]
        if found := difference(*answers):
            yield f"{name}: {found}"


async def _statuses(local: Past, real: Past) -> AsyncIterator[str]:
    """With and without all of history; of what is known, unknown and no signature."""
    for config in ({}, {"searchTransactionHistory": True}, {"searchTransactionHistory": 5}, None):
        answers = []
        for node in (local, real):
            signatures = [*map(node.signature, local.names.values()), UNKNOWN]
            answers.append(await node.ask("getSignatureStatuses", signatures, config))
        if found := difference(*answers):
            yield f"statuses with {config}: {found}"
    misfits: list[Any] = [[], ["x"], [5], {}, None]
    for misfit in misfits:
        answers = [await node.ask("getSignatureStatuses", misfit) for node in (local, real)]
        if found := difference(*answers):
            yield f"statuses of {misfit}: {found}"


async def forgotten(real: Past) -> None:
    """Wait until the validator knows the last transaction from its history alone."""
    async with asyncio.timeout(FORGETTING_TIMEOUT_S):
        while True:
            answer = await real.ask("getSignatureStatuses", [real.signature("other")])
            if answer["result"]["value"] == [None]:
                return
            await asyncio.sleep(0.5)
