"""Follows one program: what is new on chain goes into the tables, in order and without holes."""

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from gridtokenx_hub.chain import ChainClient, SignatureInfo
from gridtokenx_hub.indexer.errors import HistoryConflict, Retracted, SequenceHole
from gridtokenx_hub.indexer.events import ChainEvent
from gridtokenx_hub.indexer.finality import promote
from gridtokenx_hub.indexer.handlers import apply
from gridtokenx_hub.indexer.history import events_of, pages_since, whole_slots
from gridtokenx_hub.indexer.reset import reset
from gridtokenx_hub.leadership import Connection
from gridtokenx_programs import Program

logger = logging.getLogger(__name__)

Batch: TypeAlias = tuple[list[SignatureInfo], list[ChainEvent]]
"""Transactions, and the events in them."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a program's events are in the tables: the slot and sequence of the last one."""

    slot: int
    sequence: int


class Follower:
    """Applies the events of the program `name`.

    Args:
        client: the chain.
        name: the program's name in `events` and `watermarks`.
        program: its IDL and address.
        page_size: signatures asked for at once, 1 to 1000.
        overlap_slots: how many slots before the watermark are looked at again while a fork may
            still put what follows it there.
        batch_size: transactions whose events are committed together.
    """

    def __init__(
        self,
        client: ChainClient,
        name: str,
        program: Program,
        *,
        page_size: int,
        overlap_slots: int,
        batch_size: int,
    ) -> None:
        self.name = name
        self._client = client
        self._program = program
        self._page_size = page_size
        self._overlap_slots = overlap_slots
        self._batch_size = batch_size
        self._widening = 0
        self._without_events: dict[str, int] = {}

    async def advance(self, connection: Connection) -> bool:
        """Promote what has become final and apply what is new; return whether anything was.

        What a fork took back is retracted: the program's tables are made anew.

        Raises:
            SequenceHole: an event is missing; those before it are applied. The next call looks
                back twice as far.
            IndexerError: another reason to go no further.
            ChainError: the node does not answer, or refuses to.
        """
        try:
            some_provisional = await promote(connection, self._client, self.name)
        except Retracted as retracted:
            logger.error("indexer: %s", retracted)  # noqa: TRY400 - the message says it all
            await self.rebuild(connection)
            return True
        start = await _watermark(connection, self.name)
        # What follows a final event lies behind it: no fork can put it anywhere else any more.
        look_back = some_provisional or self._widening > 0
        overlap_slots = self._overlap_slots << self._widening if look_back else 0
        floor = max(0, start.slot - overlap_slots)
        self._forget_before(floor)
        try:
            async with aclosing(self._since(connection, floor)) as batches:
                async for infos, events in batches:
                    self._remember_silent(infos, events)
                    await self._commit(connection, events)
        except SequenceHole:
            self._widening += 1
            raise
        self._widening = 0
        return (await _watermark(connection, self.name)) != start

    async def position(self, connection: Connection) -> int:
        """Return the sequence of the last event that is in the tables, 0 before the first."""
        return (await _watermark(connection, self.name)).sequence

    async def rebuild(self, connection: Connection) -> int:
        """Make the program's tables anew from the chain; return how many events there are.

        Whoever reads the tables meanwhile sees them as they were before.

        Raises:
            IndexerError: the chain does not show every event; the tables stay as they were.
            ChainError: the node does not answer, or refuses to; likewise.
        """
        self._without_events.clear()
        async with connection.transaction():
            await reset(connection, self.name)
            async with aclosing(self._since(connection, 0)) as batches:
                async for _, events in batches:
                    await self._commit(connection, events)
            return (await _watermark(connection, self.name)).sequence

    async def _since(self, connection: Connection, floor: int) -> AsyncGenerator[Batch, None]:
        """Yield what is not in the tables yet; one batch is fetched while another is applied."""
        fetching: asyncio.Task[Batch] | None = None
        pages = self._unknown(connection, floor)
        try:
            async for infos in whole_slots(pages, self._batch_size):
                fetched, fetching = fetching, asyncio.create_task(self._fetch(infos))
                if fetched is not None:
                    yield await fetched
            if fetching is not None:
                yield await fetching
        finally:
            if fetching is not None:
                fetching.cancel()
                await asyncio.gather(fetching, return_exceptions=True)

    async def _fetch(self, infos: list[SignatureInfo]) -> Batch:
        return infos, await events_of(self._client, self.name, self._program, infos)

    async def _unknown(
        self, connection: Connection, floor: int
    ) -> AsyncIterator[list[SignatureInfo]]:
        """Yield pages of transactions, without those that are applied or have no events."""
        async for infos in pages_since(self._client, self._program, floor, self._page_size):
            rows = await connection.fetch(
                "SELECT DISTINCT tx_signature FROM events WHERE program = $1"
                " AND tx_signature = ANY($2::text[])",
                self.name,
                [info.signature for info in infos],
            )
            known = {row["tx_signature"] for row in rows}
            yield [
                info
                for info in infos
                if info.signature not in known and info.signature not in self._without_events
            ]

    def _remember_silent(
        self, infos: Sequence[SignatureInfo], events: Sequence[ChainEvent]
    ) -> None:
        """Note which transactions only name the program: they need not be fetched again."""
        speaking = {event.tx_signature for event in events}
        for info in infos:
            if info.signature not in speaking:
                self._without_events[info.signature] = info.slot

    def _forget_before(self, slot: int) -> None:
        """Let go of notes on what will not be looked at again."""
        for signature in [s for s, its_slot in self._without_events.items() if its_slot < slot]:
            del self._without_events[signature]

    async def _commit(self, connection: Connection, events: Sequence[ChainEvent]) -> None:
        """Apply events that follow the watermark, and the new watermark with them."""
        watermark = await _watermark(connection, self.name)
        following = _contiguous(events, watermark.sequence)
        if following:
            async with connection.transaction():
                await apply(connection, following)
                await _set_watermark(connection, following[-1])
            logger.debug("%s: applied events to %s", self.name, following[-1].sequence)
        if len(following) == len(events):
            return
        odd, expected = events[len(following)], watermark.sequence + len(following) + 1
        if odd.sequence < expected:
            raise HistoryConflict(self.name, odd.sequence, odd.tx_signature)
        raise SequenceHole(self.name, expected, odd.sequence)


def _contiguous(events: Sequence[ChainEvent], sequence: int) -> list[ChainEvent]:
    """Return the events from the beginning on that follow `sequence` without a hole."""
    numbered = zip(events, itertools.count(sequence + 1), strict=False)
    return [
        event
        for event, _ in itertools.takewhile(lambda pair: pair[0].sequence == pair[1], numbered)
    ]


async def _watermark(connection: Connection, program: str) -> Watermark:
    row = await connection.fetchrow(
        "SELECT slot, event_sequence FROM watermarks WHERE program = $1", program
    )
    return Watermark(0, 0) if row is None else Watermark(row["slot"], row["event_sequence"])


async def _set_watermark(connection: Connection, event: ChainEvent) -> None:
    await connection.execute(
        "INSERT INTO watermarks (program, tx_signature, slot, event_sequence)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (program) DO UPDATE SET"
        " tx_signature = excluded.tx_signature, slot = excluded.slot,"
        " event_sequence = excluded.event_sequence",
        event.program,
        event.tx_signature,
        event.slot,
        event.sequence,
    )
