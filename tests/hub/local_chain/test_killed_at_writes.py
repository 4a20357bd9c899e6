"""SIGKILL at every write to the ledger, and the order of writing and answering."""

import asyncio
import itertools
import shutil
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction

from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.local_chain import Genesis

from . import harness, tokens, traced
from .ledger_audit import assert_whole
from .subscriber import subscriber_of

GENESIS = Genesis(())
SOL = harness.SOL
KILLED = -9

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="install strace: it kills the chain at each write"
)


@dataclass
class Books:
    """What was sent, and what of it was answered."""

    sent: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)

    async def send(self, rpc: RpcConnection, *transactions: VersionedTransaction) -> None:
        """Send all at once."""
        async with asyncio.TaskGroup() as group:
            for transaction in transactions:
                group.create_task(self._send_one(rpc, transaction))

    async def _send_one(self, rpc: RpcConnection, transaction: VersionedTransaction) -> None:
        self.sent.add(str(transaction.signatures[0]))
        # The others are still sent when one finds the chain gone.
        with suppress(ChainUnavailable):
            self.answered.add(await harness.send(rpc, transaction, preflight=False))


Work = Callable[[RpcConnection, Books], Awaitable[None]]


async def do(work: Work, folder: Path, number: int) -> tuple[Books, int]:
    """Have a chain do `work` and end; kill it at write `number` if it comes so far.

    Returns the books, and how the chain ended.
    """
    process, books = harness.ChainProcess(folder), Books()
    try:
        await process.start(traced.killed_at(folder, number))
        rpc = RpcConnection(process.url, retry_pauses_s=())
        with suppress(ChainUnavailable):
            await work(rpc, books)
        await rpc.close()
        return books, process.stop()
    except harness.DidNotStart as error:
        return books, error.code
    finally:
        process.kill()


async def kill_at_each(numbers: Iterable[int], work: Work, folder_of: Callable[[int], Path]) -> int:
    """Do `work` until it is done before it is killed; returns the number of kills."""
    for kills, number in enumerate(numbers):
        folder = folder_of(number)
        books, code = await do(work, folder, number)
        assert code in {0, KILLED}
        await check(folder, books)
        if code == 0:
            assert books.sent == books.answered
            return kills
    raise AssertionError


async def check(folder: Path, books: Books) -> None:
    """What was answered is there, and what is there is whole."""
    async with (
        harness.served(folder, harness.FakeTime(), GENESIS) as url,
        harness.connected(url) as rpc,
    ):
        assert_whole(folder, GENESIS)
        for signature in books.sent:
            status = await harness.status_of(rpc, signature)
            assert status is not None or signature not in books.answered
            shown: Any = await rpc.call("getTransaction", signature)
            assert (status is None) is (shown is None)
            if status is not None:
                assert (shown["meta"]["err"], shown["slot"]) == (status["err"], status["slot"])


async def nothing(_rpc: RpcConnection, _books: Books) -> None:
    """The chain is opened and closed."""


def copies_of(folder: Path) -> Callable[[int], Path]:
    """A copy of a ledger for each number."""

    def copy(number: int) -> Path:
        return Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-{number}")))

    return copy


async def test_slots(tmp_path: Path) -> None:
    """Transfers, a failure, an account that goes; the second slot while the log has the first."""
    rich, leaver = Keypair(), Keypair()
    async with (
        harness.served(tmp_path / "before", harness.FakeTime(), GENESIS) as url,
        harness.connected(url) as rpc,
    ):
        for owner in (rich, leaver):
            await rpc.call("requestAirdrop", str(owner.pubkey()), 10 * SOL)

    async def work(rpc: RpcConnection, books: Books) -> None:
        recent, to = await harness.blockhash(rpc), Keypair().pubkey()
        await books.send(
            rpc,
            harness.transfer_of(SOL, rich, to, recent),
            harness.transfer_of(100 * SOL, rich, to, recent),
            harness.transfer_of(10 * SOL - harness.FEE, leaver, to, recent),
        )
        await books.send(rpc, harness.transfer_of(2 * SOL, rich, to, recent))

    assert await kill_at_each(itertools.count(1), work, copies_of(tmp_path / "before")) > 30


async def test_opening_and_closing_after_a_kill(tmp_path: Path) -> None:
    """What the log has goes into the ledger's file when the chain ends."""
    process = harness.ChainProcess(tmp_path / "before")
    await process.start()
    async with harness.connected(process.url) as rpc:
        payer = await harness.funded(rpc)
        await tokens.mint_to_new_account(rpc, payer, 5, 0)
    process.kill()
    kills = await kill_at_each(itertools.count(1), nothing, copies_of(tmp_path / "before"))
    assert kills > 10


@pytest.mark.soak
async def test_creation(tmp_path: Path, soak_times: int) -> None:
    step = 3 if soak_times == 1 else 1  # nothing has been answered yet: a soak tries each write
    numbers = itertools.count(1, step)
    kills = await kill_at_each(numbers, nothing, lambda number: tmp_path / str(number))
    assert kills > 30 / step


async def test_nothing_is_said_before_it_is_on_disk(tmp_path: Path) -> None:
    """Neither to the sender nor to subscribers; SIGKILL alone would not tell, power loss would."""
    log, process = tmp_path / "log", harness.ChainProcess(tmp_path / "chain")
    await process.start(traced.noted_in(log))
    try:
        async with harness.connected(process.url) as rpc, subscriber_of(process.url) as subscriber:
            payer = await harness.funded(rpc)
            recent = await harness.blockhash(rpc)
            logs = await subscriber.subscribe("logs", "all")
            signatures = []
            for number in range(5):
                transaction = harness.transfer_of(SOL + number, payer, payer.pubkey(), recent)
                signatures.append(str(transaction.signatures[0]))
                subscribed = await subscriber.subscribe("signature", signatures[-1])
                await harness.send(rpc, transaction)
                for subscription in (logs, subscribed):
                    await subscriber.next_of(subscription)
        assert process.stop() == 0
    finally:
        process.kill()
    said = traced.said_in(log)
    for signature in signatures:
        # The answer and the notification of its logs.
        assert [one.is_durable for one in said if signature in one.content] == [True, True]
    told = [one.is_durable for one in said if "signatureNotification" in one.content]
    assert told == [True] * len(signatures)
