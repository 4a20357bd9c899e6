"""The indexer: one leader follows the three programs; anyone may wait for a transaction."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence

import asyncpg

from gridtokenx_hub.chain import ChainClient, ChainError, ProgramListener
from gridtokenx_hub.database.announcements import WAKE_INDEXER
from gridtokenx_hub.grouped import Grouped
from gridtokenx_hub.indexer.errors import IndexerError
from gridtokenx_hub.indexer.events import StoredEvent
from gridtokenx_hub.indexer.follower import Follower
from gridtokenx_hub.leadership import Connection, Job, lead, lead_rounds
from gridtokenx_programs import Program

PAGE_SIZE = 1_000
OVERLAP_SLOTS = 32
BATCH_SIZE = 500
SHORTEST_PAUSE_S = 0.02
"""Between two looks at the chain, however often there is a reason for one."""
LONGEST_PAUSE_S = 30.0
LOOK_AGAIN_S = 0.025
"""After a look that a notice was the reason for, and that found nothing yet: a node may tell of a
transaction before it lists it. From look to look it grows by `LOOK_AGAIN_GROWTH`."""
LOOK_AGAIN_GROWTH = 1.25
LAST_LOOK_AGAIN_S = 0.1
"""When there is still nothing after a pause of this length, the notice was of nothing."""
NOTIFY_LEADER = f"NOTIFY {WAKE_INDEXER}"
POLLS_SAVED = 10
"""Looks by the clock that are left out for each that is made, while a listener hears."""
EVENTS_OF = "SELECT tx_signature, name, data FROM events WHERE tx_signature = ANY ($1)"

logger = logging.getLogger(__name__)


class Indexer:
    """Brings the events of the programs into the database.

    Args:
        pool: the hub's database.
        client: the chain.
        programs: the programs by the names under which their events are kept.
        poll_s: pause between two looks at the chain; `wake` ends it early.
        listener: hears when there is something to look at; while it does, there are fewer looks
            without a reason.
        page_size: signatures asked for at once, 1 to 1000.
        overlap_slots: slots before the watermark that are looked at again while it may change.
        batch_size: transactions whose events are committed together.

    Attributes:
        blocked: why the events of a program cannot be applied, by the program's name; empty when
            all is well.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        client: ChainClient,
        programs: Mapping[str, Program],
        poll_s: float,
        *,
        listener: ProgramListener | None = None,
        page_size: int = PAGE_SIZE,
        overlap_slots: int = OVERLAP_SLOTS,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.blocked: dict[str, IndexerError] = {}
        self._pool = pool
        self._poll_s = poll_s
        self._listener = listener
        self._followers = [
            Follower(
                client,
                name,
                program,
                page_size=page_size,
                overlap_slots=overlap_slots,
                batch_size=batch_size,
            )
            for name, program in programs.items()
        ]
        self._failures = 0
        self._leads = False
        self._woken = asyncio.Event()
        self._look_again_s: float | None = None
        self._committed = asyncio.Event()
        self._notices = Grouped(self._notify_leader)
        self._lookups = Grouped(self._look_up)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the chain until `stop` is set.

        A program whose events cannot be applied is named in `blocked` and in the log, and is
        tried again with growing pauses; nothing of it is skipped, and the others go on.
        """
        async with asyncio.TaskGroup() as tasks:
            if self._listener is not None:
                tasks.create_task(self._listener.run(self.wake, stop))
            await lead_rounds(self._pool, Job.INDEXER, self._round, self._pause, self._poll_s, stop)

    async def rebuild(self, timeout_s: float) -> dict[str, int]:
        """Make all tables of all programs anew from the chain; return the events of each.

        The tables of a program change at once, when all of its events are there.

        Raises:
            TimeoutError: another process leads the indexer, for longer than `timeout_s`.
            IndexerError: the chain does not show every event; those tables stay as they were.
            ChainError: the node does not answer, or refuses to; likewise.
        """
        async with contextlib.AsyncExitStack() as leading:
            async with asyncio.timeout(timeout_s):
                connection = await leading.enter_async_context(
                    lead(self._pool, Job.INDEXER, self._poll_s)
                )
            return {
                follower.name: await follower.rebuild(connection) for follower in self._followers
            }

    def wake(self) -> None:
        """Look at the chain at once."""
        self._woken.set()

    def announce(self) -> None:
        """Have all who wait look at the database: something may have been committed."""
        self._committed.set()
        self._committed = asyncio.Event()

    async def wait_for(self, tx_signature: str, events: int, timeout_s: float) -> list[StoredEvent]:
        """Return the events of a confirmed transaction once so many of them are committed.

        The database tells whether they are there, so the answer holds whichever process leads the
        indexer. When it takes longer than `timeout_s`, those that are there are returned.
        """
        self.wake()
        found: list[StoredEvent] = []
        try:
            async with asyncio.timeout(timeout_s):
                if not self._leads:
                    await self._notices.ask(None)
                while True:
                    committed = self._committed
                    found = await self._lookups.ask(tx_signature)
                    if len(found) >= events:
                        break
                    await _wait(committed, self._poll_s)
        except TimeoutError:
            pass
        return found

    async def _notify_leader(self, asked: Sequence[None]) -> list[None]:
        await self._pool.execute(NOTIFY_LEADER)
        return [None] * len(asked)

    async def _look_up(self, signatures: Sequence[str]) -> list[list[StoredEvent]]:
        found: dict[str, list[StoredEvent]] = {signature: [] for signature in signatures}
        for row in await self._pool.fetch(EVENTS_OF, list(found)):
            found[row["tx_signature"]].append(StoredEvent(row["name"], json.loads(row["data"])))
        return [found[signature] for signature in signatures]

    async def _round(self, connection: Connection) -> None:
        """Let each program advance once."""
        failed = False
        self._leads = True
        for follower in self._followers:
            try:
                if await follower.advance(connection):
                    self._look_again_s = None
                    self.announce()
                self.blocked.pop(follower.name, None)
            except IndexerError as error:
                failed = True
                self.announce()  # what came before the obstacle is committed
                self.blocked[follower.name] = error
                logger.error("indexer: %s", error)  # noqa: TRY400 - the message says it all
            except ChainError as error:
                failed = True
                logger.warning("indexer: %s: %s", follower.name, error)
        self._failures = self._failures + 1 if failed else 0

    async def _pause(self) -> None:
        """Wait for a reason to look: a notice, the clock, or a notice that nothing was found of."""
        again_s = self._look_again_s
        if again_s is not None and again_s <= LAST_LOOK_AGAIN_S and self._failures == 0:
            await asyncio.sleep(again_s)
            self._look_again_s = again_s * LOOK_AGAIN_GROWTH
        else:
            self._look_again_s = None
            await asyncio.sleep(min(self._poll_s, SHORTEST_PAUSE_S))
            await _wait(self._woken, self._until_next_look_s())
        if self._woken.is_set():
            self._woken.clear()
            self._look_again_s = LOOK_AGAIN_S

    def _until_next_look_s(self) -> float:
        poll_s = self._poll_s
        if self._listener is not None and self._listener.is_listening:
            poll_s *= 1 + POLLS_SAVED
        longest_s: float = poll_s * 2 ** min(self._failures, 16)
        return min(longest_s, LONGEST_PAUSE_S)


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for `event`, at most `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
