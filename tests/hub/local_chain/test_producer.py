"""Who sees what when, with a disk that takes as long as the test says."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.local_chain import Genesis, LedgerCommitError, producer
from gridtokenx_hub.local_chain.bank import Bank
from gridtokenx_hub.local_chain.errors import ChainStoppedError
from gridtokenx_hub.local_chain.execution import Failure, TransactionGate
from gridtokenx_hub.local_chain.ledger import Ledger
from gridtokenx_hub.local_chain.producer import OpenSlot, SlotProducer
from gridtokenx_hub.local_chain.records import Block
from gridtokenx_hub.local_chain.slots import SlotWindow
from gridtokenx_hub.local_chain.transaction import ParsedTransaction

from . import harness

GENESIS = Genesis(programs=())
SOL = harness.SOL


class SlowLedger(Ledger):
    """Waits for a permit before each commit, and fails if told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, GENESIS, 0)
        self.permits = threading.Semaphore(0)
        self.committing = threading.Semaphore(0)
        self.is_broken = False
        self.blocks: list[Block] = []

    def commit(self, block: Block, oldest_slot_needed: int) -> None:
        self.committing.release()
        self.permits.acquire()
        if self.is_broken:
            raise OSError("no space left on device")
        super().commit(block, oldest_slot_needed)
        self.blocks.append(block)


class Parts:
    """A chain without its HTTP side."""

    def __init__(self, folder: Path) -> None:
        self.ledger = SlowLedger(folder)
        self.window = SlotWindow(self.ledger.recent_slots(), harness.FakeTime(0).source())
        self.bank = Bank(GENESIS, self.ledger.creation, self.ledger.accounts())
        self.breaks_when_told = False
        self.told: list[tuple[int, int]] = []
        self.producer = SlotProducer(self.bank, self.ledger, self.window, self._tell)
        self.gate = TransactionGate(self.bank, self.ledger, self.window)
        self.running = asyncio.create_task(self.producer.run())
        self._recent = Hash(self.window.tip.blockhash)

    def sending(self, to: Pubkey, lamports: int) -> "asyncio.Task[Failure | None]":
        """Submit a transfer from the faucet."""
        signed = harness.transfer_of(lamports, self.bank.faucet, to, self._recent)
        transaction = ParsedTransaction.parse(bytes(signed))

        def job(open_slot: OpenSlot) -> Failure | None:
            return self.gate.pass_into(open_slot, transaction, preflight=True)

        return asyncio.create_task(self.producer.submit(job))

    async def slot_is_being_written(self) -> None:
        await asyncio.to_thread(self.ledger.committing.acquire)

    def _tell(self, block: Block, parent: int) -> None:
        self.told.append((parent, block.slot.number))
        if self.breaks_when_told:
            raise LookupError("a defect in what tells subscribers")


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    parts = Parts(tmp_path)
    yield parts
    parts.ledger.permits.release(100)
    parts.running.cancel()
    with suppress(asyncio.CancelledError, LedgerCommitError):
        await parts.running
    parts.ledger.close()


async def test_nobody_sees_what_is_not_durable(parts: Parts) -> None:
    to = Keypair().pubkey()
    sending = parts.sending(to, SOL)
    await parts.slot_is_being_written()
    reading = asyncio.create_task(parts.producer.read(lambda: parts.bank.lamports(to)))
    await asyncio.sleep(0.05)
    assert not sending.done()
    assert not reading.done()
    parts.ledger.permits.release()
    assert await sending is None
    assert await reading == SOL


async def test_slots_are_told_when_they_are_durable(parts: Parts) -> None:
    for parent in (0, 1):
        sending = parts.sending(Keypair().pubkey(), SOL)
        await parts.slot_is_being_written()
        assert len(parts.told) == parent
        parts.ledger.permits.release()
        await sending
        assert parts.told[parent:] == [(parent, parent + 1)]


async def test_trouble_with_telling_ends_nothing(parts: Parts) -> None:
    parts.breaks_when_told = True
    parts.ledger.permits.release(2)
    for lamports in (SOL, 2 * SOL):
        assert await parts.sending(Keypair().pubkey(), lamports) is None
    assert len(parts.told) == 2


async def test_what_arrives_meanwhile_is_the_next_slot(parts: Parts) -> None:
    to = Keypair().pubkey()
    first = parts.sending(to, SOL)
    await parts.slot_is_being_written()
    others = [parts.sending(to, SOL + each) for each in range(1, 11)]
    await asyncio.sleep(0)
    parts.ledger.permits.release(2)
    await asyncio.gather(first, *others)
    assert [len(block.transactions) for block in parts.ledger.blocks] == [1, 10]
    assert parts.bank.lamports(to) == sum(SOL + each for each in range(11))


async def several_in_one_slot(parts: Parts) -> None:
    first = parts.sending(Keypair().pubkey(), SOL)
    await parts.slot_is_being_written()
    others = [parts.sending(Keypair().pubkey(), SOL) for _ in range(3)]
    await asyncio.sleep(0)
    parts.ledger.permits.release(100)
    await asyncio.gather(first, *others)


async def test_slot_after_several_waits_for_more(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "GATHERING_S", 0.5)
    await several_in_one_slot(parts)
    sending = []
    for _ in range(4):
        sending.append(parts.sending(Keypair().pubkey(), SOL))
        await asyncio.sleep(0.01)
    await asyncio.gather(*sending)
    assert [len(block.transactions) for block in parts.ledger.blocks] == [1, 3, 4]


async def test_neither_reads_nor_single_transactions_wait(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "GATHERING_S", 3600)
    parts.ledger.permits.release(100)
    to = Keypair().pubkey()
    for _ in range(3):
        await parts.sending(to, SOL)
        assert await parts.producer.read(lambda: parts.bank.lamports(to)) > 0
    await several_in_one_slot(parts)
    assert await parts.producer.read(lambda: parts.bank.lamports(to)) > 0


async def test_repetition_within_a_slot_is_refused(parts: Parts) -> None:
    to = Keypair().pubkey()
    first = parts.sending(to, SOL)
    await parts.slot_is_being_written()
    same = [parts.sending(to, 2 * SOL) for _ in range(3)]
    await asyncio.sleep(0)
    parts.ledger.permits.release(2)
    await first
    assert await asyncio.gather(*same) == [None, *[Failure("AlreadyProcessed", None)] * 2]
    assert parts.bank.lamports(to) == 3 * SOL


async def test_reads_come_before_the_next_slot(parts: Parts) -> None:
    to = Keypair().pubkey()
    first = parts.sending(to, SOL)
    await parts.slot_is_being_written()
    second = parts.sending(to, 2 * SOL)
    reading = asyncio.create_task(parts.producer.read(lambda: parts.bank.lamports(to)))
    await asyncio.sleep(0)
    parts.ledger.permits.release()
    await first
    assert await reading == SOL
    parts.ledger.permits.release()
    await second


async def test_refused_transactions_make_no_slot(parts: Parts) -> None:
    failure = await parts.sending(Keypair().pubkey(), 1)  # too little for rent
    assert failure is not None
    assert parts.ledger.blocks == []
    assert parts.window.tip.number == 0


async def test_slot_that_cannot_be_written_ends_it_all(parts: Parts) -> None:
    parts.ledger.is_broken = True
    to = Keypair().pubkey()
    sending = parts.sending(to, SOL)
    await parts.slot_is_being_written()
    waiting = parts.sending(to, 2 * SOL)
    reading = asyncio.create_task(parts.producer.read(lambda: parts.bank.lamports(to)))
    await asyncio.sleep(0)
    parts.ledger.permits.release()
    for task in (sending, waiting, reading):
        with pytest.raises(ChainStoppedError):
            await task
    with pytest.raises(LedgerCommitError, match="no space left on device"):
        await parts.running
    with pytest.raises(ChainStoppedError):
        await parts.producer.read(lambda: parts.bank.lamports(to))
    with pytest.raises(ChainStoppedError):
        await parts.sending(to, 3 * SOL)


async def test_sender_that_hangs_up_changes_nothing(parts: Parts) -> None:
    to = Keypair().pubkey()
    sending = parts.sending(to, SOL)
    await parts.slot_is_being_written()
    sending.cancel()
    parts.ledger.permits.release(2)
    assert await parts.sending(to, 2 * SOL) is None
    assert parts.bank.lamports(to) == 3 * SOL
