"""What was answered is there after the process died, and what is there is whole."""

import asyncio
import base64
import contextlib
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.chain import ChainUnavailable, RequestRefused
from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.local_chain import Genesis, GenesisMismatchError, LedgerUnusableError
from gridtokenx_hub.local_chain.ledger import Ledger
from gridtokenx_programs import load

from . import harness, tokens
from .ledger_audit import assert_whole

SOL = harness.SOL
SEED = 20_240_817
ROUNDS = 8
SENDERS = 6


@pytest.fixture
def process(tmp_path: Path) -> Iterator[harness.ChainProcess]:
    process = harness.ChainProcess(tmp_path / "chain")
    try:
        yield process
    finally:
        process.kill()


@dataclass
class Books:
    """What the senders know: every transfer they made, and which of them were answered."""

    payer: Keypair
    to: Pubkey
    amounts: dict[str, int] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    newest_slot: int = 0


async def keep_sending(rpc: RpcConnection, books: Books, numbers: Iterator[int]) -> None:
    """Send transfers until the chain is gone."""
    while True:
        try:
            recent = await harness.blockhash(rpc)
            amount = SOL + next(numbers)
            transaction = harness.transfer_of(amount, books.payer, books.to, recent)
            signature = str(transaction.signatures[0])
            books.amounts[signature], books.raw[signature] = amount, bytes(transaction)
            await harness.send(rpc, transaction)
            books.answered.add(signature)
            slot: Any = await rpc.call("getSlot")
            books.newest_slot = max(books.newest_slot, slot)
        except ChainUnavailable:
            return


async def send_and_kill(
    process: harness.ChainProcess, books: Books, numbers: Iterator[int], after_s: float
) -> None:
    rpc = RpcConnection(process.url, retry_pauses_s=())
    senders = [asyncio.create_task(keep_sending(rpc, books, numbers)) for _ in range(SENDERS)]
    await asyncio.sleep(after_s)
    process.kill()
    await asyncio.gather(*senders)
    await rpc.close()


async def check(rpc: RpcConnection, books: Books) -> set[str]:
    """Compare the chain with the books; return the signatures that it has."""
    statuses: dict[str, Any] = {}
    known = list(books.amounts)
    for start in range(0, len(known), 256):
        page = known[start : start + 256]
        answer: Any = await rpc.call(
            "getSignatureStatuses", list(page), {"searchTransactionHistory": True}
        )
        statuses |= dict(zip(page, answer["value"], strict=True))
    executed = {signature for signature, status in statuses.items() if status is not None}
    assert books.answered <= executed
    assert all(statuses[signature]["err"] is None for signature in executed)

    moved = sum(books.amounts[signature] for signature in executed)
    assert await harness.balance(rpc, books.to) == moved
    spent = moved + len(executed) * harness.FEE
    assert await harness.balance(rpc, books.payer.pubkey()) == 1_000_000 * SOL - spent

    history: list[str] = []
    while True:
        config: Any = {"limit": 500, **({"before": history[-1]} if history else {})}
        page_of: Any = await rpc.call("getSignaturesForAddress", str(books.to), config)
        history += [entry["signature"] for entry in page_of]
        if not page_of:
            break
    assert len(history) == len(set(history))
    assert set(history) == executed
    slot: Any = await rpc.call("getSlot")
    assert slot >= books.newest_slot
    return executed


async def check_replays(rpc: RpcConnection, books: Books, executed: set[str]) -> None:
    for signature in sorted(executed, key=list(books.raw).index)[-3:]:
        encoded = base64.b64encode(books.raw[signature]).decode()
        with pytest.raises(RequestRefused, match="This transaction has already been processed"):
            await rpc.call("sendTransaction", encoded, {"encoding": "base64"})


@pytest.mark.soak
async def test_killed_at_any_moment(
    process: harness.ChainProcess, tmp_path: Path, soak_times: int
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - moments of a test, not secrets
    numbers = iter(range(1, 1 << 30))
    await process.start()
    async with harness.connected(process.url) as rpc:
        books = Books(await harness.funded(rpc, 1_000_000 * SOL), Keypair().pubkey())
        genesis_hash = await rpc.call("getGenesisHash")
    for _ in range(ROUNDS * soak_times):
        await send_and_kill(process, books, numbers, chance.uniform(0.02, 0.3))
        await process.start()
        async with harness.connected(process.url) as rpc:
            executed = await check(rpc, books)
            assert_whole(tmp_path / "chain", Genesis(()))
            await check_replays(rpc, books, executed)
            assert await check(rpc, books) == executed
            assert await rpc.call("getGenesisHash") == genesis_hash
    assert len(books.answered) > ROUNDS


async def test_everything_answered_survives_a_kill_in_the_next_instant(
    process: harness.ChainProcess,
) -> None:
    await process.start()
    async with harness.connected(process.url) as rpc:
        owner, to = await harness.funded(rpc), Keypair().pubkey()
        minted = await tokens.mint_to_new_account(rpc, owner, 5_000_000, 6)
        recent = await harness.blockhash(rpc)
        signature = await harness.send(rpc, harness.transfer_of(SOL, owner, to, recent))
        process_view = await view(rpc, signature, minted, to)
        last = harness.transfer_of(2 * SOL, owner, to, recent)
        await harness.send(rpc, last)
    process.kill()
    await process.start()
    async with harness.connected(process.url) as rpc:
        assert await harness.balance(rpc, to) == 3 * SOL
        assert (await harness.status_of(rpc, str(last.signatures[0])))["err"] is None
        after: Any = await view(rpc, signature, minted, to)
        process_view["lamports"] = 3 * SOL
        assert after == process_view
        # a blockhash from before still serves, and tokens still move
        await harness.send(rpc, harness.transfer_of(3 * SOL, owner, to, recent))
        await tokens.mint_to_new_account(rpc, owner, 1, 0)


async def view(rpc: RpcConnection, signature: str, minted: tokens.Minted, to: Pubkey) -> Any:
    held: Any = await rpc.call("getTokenAccountBalance", str(minted.account))
    supply: Any = await rpc.call("getTokenSupply", str(minted.mint))
    return {
        "transaction": await rpc.call("getTransaction", signature),
        "minting": await rpc.call("getTransaction", minted.signature),
        "held": held["value"],
        "supply": supply["value"],
        "lamports": await harness.balance(rpc, to),
    }


async def test_gone_accounts_stay_gone(process: harness.ChainProcess) -> None:
    await process.start()
    async with harness.connected(process.url) as rpc:
        payer = await harness.funded(rpc)
        everything = 100 * SOL - harness.FEE
        recent = await harness.blockhash(rpc)
        to = Keypair().pubkey()
        await harness.send(rpc, harness.transfer_of(everything, payer, to, recent))
    process.kill()
    await process.start()
    async with harness.connected(process.url) as rpc:
        answer: Any = await rpc.call("getAccountInfo", str(payer.pubkey()))
        assert answer["value"] is None
        assert await harness.balance(rpc, to) == everything


async def test_terminated_process_ends_well(process: harness.ChainProcess) -> None:
    await process.start()
    async with harness.connected(process.url) as rpc:
        address = (await harness.funded(rpc)).pubkey()
        assert process.stop() == 0
    await process.start()
    async with harness.connected(process.url) as rpc:
        assert await harness.balance(rpc, address) == 100 * SOL


async def test_full_disk_ends_the_chain_and_loses_nothing(process: harness.ChainProcess) -> None:
    """A slot that cannot be written is answered with an error, and is not there afterwards."""
    await process.start(["prlimit", f"--fsize={200 * 1024}"])
    payer, to = Keypair(), Keypair().pubkey()
    answered = 0
    rpc = RpcConnection(process.url, retry_pauses_s=())
    await rpc.call("requestAirdrop", str(payer.pubkey()), 1_000_000 * SOL)
    recent = await harness.blockhash(rpc)
    with contextlib.suppress(ChainUnavailable):
        while True:
            await harness.send(rpc, harness.transfer_of(SOL + answered, payer, to, recent))
            answered += 1
    await rpc.close()
    code, said = process.ended()
    assert code == 1
    assert "a slot could not be made durable" in said
    assert answered > 0
    await process.start()
    async with harness.connected(process.url) as rpc:
        assert await harness.balance(rpc, to) == sum(SOL + index for index in range(answered))


async def test_programs_are_those_of_the_genesis(tmp_path: Path) -> None:
    program = load("registry")
    elf = tmp_path / "registry.so"
    elf.write_bytes(program.elf())
    process = harness.ChainProcess(tmp_path / "chain", [(program.id, elf)])
    try:
        for _ in range(2):  # created, and opened again
            await process.start()
            async with harness.connected(process.url) as rpc:
                config: Any = {"encoding": "base64", "dataSlice": {"offset": 0, "length": 0}}
                answer: Any = await rpc.call("getAccountInfo", str(program.id), config)
                assert answer["value"]["executable"]
            process.kill()
        elf.write_bytes(program.elf() + b"\0")
        with pytest.raises(AssertionError, match="reset the chain by deleting its folder"):
            await process.start()
    finally:
        process.kill()


def test_other_programs_than_at_its_creation(tmp_path: Path) -> None:
    address, elf = Keypair().pubkey(), b"\x7fELF"
    Ledger(tmp_path, Genesis(((address, elf),)), 0).close()
    for programs in ((), ((address, b"other"),), ((address, elf), (Keypair().pubkey(), elf))):
        with pytest.raises(GenesisMismatchError, match="was created with other programs"):
            Ledger(tmp_path, Genesis(programs), 0)
    Ledger(tmp_path, Genesis(((address, elf),)), 0).close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, Genesis(()), 0)
    with pytest.raises(LedgerUnusableError, match="another process runs a chain"):
        Ledger(tmp_path, Genesis(()), 0)
    ledger.close()
    Ledger(tmp_path, Genesis(()), 0).close()


def test_damaged_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(LedgerUnusableError, match="file is not a database"):
        Ledger(tmp_path, Genesis(()), 0)


def test_ledger_of_another_version_is_left_alone(tmp_path: Path) -> None:
    Ledger(tmp_path, Genesis(()), 0).close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LedgerUnusableError, match="has format 99"):
        Ledger(tmp_path, Genesis(()), 0)


def test_ledger_is_for_its_owner_alone(tmp_path: Path) -> None:
    Ledger(tmp_path / "chain", Genesis(()), 0).close()
    assert (tmp_path / "chain").stat().st_mode & 0o077 == 0
    assert (tmp_path / "chain" / "ledger.sqlite").stat().st_mode & 0o077 == 0
