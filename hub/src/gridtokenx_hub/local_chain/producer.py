"""Makes slots: executes what arrives, makes it durable, and only then lets anybody know.

Requests that arrive while a slot is being written to disk wait and are executed together as the
next one, so that one fsync serves many. A slot by itself costs as much as two transactions: after
one that had several, the next waits 5 ms for more. Who sends one after the other never waits.

Reads never see what is executed but not yet durable: while a slot is under way they wait for its
end.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from gridtokenx_hub.local_chain.bank import Bank
from gridtokenx_hub.local_chain.errors import ChainStoppedError, LedgerCommitError
from gridtokenx_hub.local_chain.ledger import Ledger
from gridtokenx_hub.local_chain.records import Block, ExecutedTransaction
from gridtokenx_hub.local_chain.slots import Slot, SlotWindow

T = TypeVar("T")
Publish = Callable[[Block, int], None]
"""Is told a slot that is durable, and the number of the one before it."""
_log = logging.getLogger(__name__)
MAX_JOBS_PER_SLOT = 256
GATHERING_S = 0.005


class OpenSlot:
    """The slot under way, as its transactions see it."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.is_needed = False
        self.transactions: list[ExecutedTransaction] = []
        self.message_hashes: set[bytes] = set()
        self.account_images: dict[bytes, bytes | None] = {}

    def add(self, transaction: ExecutedTransaction, changed: dict[bytes, bytes | None]) -> None:
        """Make an executed transaction a part of the slot."""
        self.is_needed = True
        self.transactions.append(transaction)
        self.message_hashes.add(transaction.message_hash)
        self.account_images.update(changed)


class _Queue:
    """Calls that wait for their turn, each with the future of whoever asked."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[..., Any], asyncio.Future[Any]]] = []

    def add(self, call: Callable[..., T]) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.waiting.append((call, future))
        return future

    def take(
        self, limit: int | None = None
    ) -> list[tuple[Callable[..., Any], asyncio.Future[Any]]]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:] if limit else []
        return taken


class SlotProducer:
    """Owns the order in which the bank is used."""

    def __init__(self, bank: Bank, ledger: Ledger, window: SlotWindow, publish: Publish) -> None:
        self._bank = bank
        self._publish = publish
        self._ledger = ledger
        self._window = window
        self._jobs = _Queue()
        self._reads = _Queue()
        self._wake = asyncio.Event()
        self._slot_under_way = False
        self._has_stopped = False

    async def submit(self, job: Callable[[OpenSlot], T]) -> T:
        """Run `job` in the next slot and return its result when that is durable.

        What a job refuses it says by its result: an exception would leave it unknown what the
        job has changed, and ends the chain.
        """
        return await self._enqueue(self._jobs, job)

    async def read(self, query: Callable[[], T]) -> T:
        """Return the result of `query`, run when all that the bank holds is durable."""
        if self._slot_under_way or self._has_stopped:
            return await self._enqueue(self._reads, query)
        return query()

    async def catch_up(self) -> None:
        """Open a slot if the block height would rise by it, so that time is seen to pass."""
        if self._window.is_stale():
            await self.submit(_keep)

    async def run(self) -> None:
        """Make slots until cancelled.

        Raises:
            LedgerCommitError: memory is ahead of the disk, and the process has to end.
        """
        self._bank.open_slot(self._window.tip, self._window.slot_hashes())
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="ledger") as thread:
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._jobs.waiting or self._reads.waiting:
                        self._run_reads()
                        if await self._make_slot(thread) > 1:
                            self._run_reads()
                            await asyncio.sleep(GATHERING_S)
        except Exception as error:
            raise LedgerCommitError(
                f"a slot could not be made durable ({error!r}): see that there is disk space and"
                " that the disk is sound, then start again; nothing that was answered is lost"
            ) from error
        finally:
            self._has_stopped = True
            for _, future in self._jobs.take() + self._reads.take():
                _settle(future, error=ChainStoppedError("the local chain has stopped"))

    def _enqueue(self, queue: _Queue, call: Callable[..., T]) -> "asyncio.Future[T]":
        if self._has_stopped:
            raise ChainStoppedError("the local chain has stopped")
        self._wake.set()
        return queue.add(call)

    async def _make_slot(self, thread: ThreadPoolExecutor) -> int:
        """Run the jobs that wait; return how many there were."""
        jobs = self._jobs.take(MAX_JOBS_PER_SLOT)
        if not jobs:
            return 0
        open_slot = OpenSlot(self._window.propose())
        self._bank.open_slot(open_slot.slot, self._window.slot_hashes())
        self._slot_under_way = True
        try:
            results = [job(open_slot) for job, _ in jobs]
            if open_slot.is_needed:
                await self._commit(open_slot, thread)
            else:
                self._bank.open_slot(self._window.tip, self._window.slot_hashes())
        except BaseException:
            for _, future in jobs:
                _settle(future, error=ChainStoppedError("the local chain stopped meanwhile"))
            raise
        self._slot_under_way = False
        for (_, future), result in zip(jobs, results, strict=True):
            _settle(future, result=result)
        return len(jobs)

    async def _commit(self, open_slot: OpenSlot, thread: ThreadPoolExecutor) -> None:
        block = Block(open_slot.slot, open_slot.transactions, open_slot.account_images)
        await asyncio.get_running_loop().run_in_executor(
            thread, self._ledger.commit, block, self._window.oldest_needed()
        )
        parent = self._window.tip.number
        self._window.advance(open_slot.slot)
        try:
            self._publish(block, parent)
        except Exception:  # noqa: BLE001 - the slot stands, and who is not told of it can ask
            _log.exception("slot %d could not be told to subscribers", open_slot.slot.number)

    def _run_reads(self) -> None:
        for query, future in self._reads.take():
            try:
                _settle(future, result=query())
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                _settle(future, error=error)


def _keep(open_slot: OpenSlot) -> None:
    open_slot.is_needed = True


def _settle(
    future: asyncio.Future[Any], result: object = None, error: BaseException | None = None
) -> None:
    if future.done():  # whoever asked has hung up
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
