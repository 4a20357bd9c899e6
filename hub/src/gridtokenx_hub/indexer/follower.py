"""Follows one program: what is new on chain goes into the tables, in order and without holes."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from gridtokenx_hub.chain import ChainClient, SignatureInfo
from gridtokenx_hub.indexer.errors import HistoryConflict, Retracted, SequenceHole
from gridtokenx_hub.indexer.events import ChainEvent
from gridtokenx_hub.indexer.finality import promote
from gridtokenx_hub.indexer.handlers import apply
from gridtokenx_hub.indexer.history import events_of, signatures_since, whole_slots
from gridtokenx_hub.indexer.reset import reset
from gridtokenx_hub.leadership import Connection
from gridtokenx_programs import Program

logger = logging.getLogger(__name__)


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
        overlap_slots: how many slots before the watermark are looked at again, because a node
            may show transactions of one moment in any order.
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
        self._widening = 1
        self._without_events: set[str] = set()

    async def advance(self, connection: Connection) -> bool:
        """Promote what has become final and apply what is new; return whether anything was.

        What a fork took back is retracted: the program's tables are made anew.

        Raises:
            SequenceHole: an event is missing; those before it are applied. The next call looks
                back twice as far.
            IndexerError: another reason to go no further.
            ChainUnavailable: the node does not answer.
        """
        try:
            await promote(connection, self._client, self.name)
        except Retracted as retracted:
            logger.error("indexer: %s", retracted)  # noqa: TRY400 - the message says it all
            await self.rebuild(connection)
            return True
        start = await _watermark(connection, self.name)
        floor = max(0, start.slot - self._overlap_slots * self._widening)
        infos = await signatures_since(self._client, self._program, floor, self._page_size)
        try:
            await self._apply(connection, await self._unknown(connection, infos))
        except SequenceHole:
            self._widening *= 2
            raise
        self._widening = 1
        return (await _watermark(connection, self.name)) != start

    async def position(self, connection: Connection) -> int:
        """Return the sequence of the last event that is in the tables, 0 before the first."""
        return (await _watermark(connection, self.name)).sequence

    async def rebuild(self, connection: Connection) -> int:
        """Make the program's tables anew from the chain; return how many events there are.

        Whoever reads the tables meanwhile sees them as they were before.

        Raises:
            IndexerError: the chain does not show every event; the tables stay as they were.
            ChainUnavailable: the node does not answer; likewise.
        """
        async with connection.transaction():
            await reset(connection, self.name)
            infos = await signatures_since(self._client, self._program, 0, self._page_size)
            await self._apply(connection, infos)
            return (await _watermark(connection, self.name)).sequence

    async def _apply(self, connection: Connection, infos: Sequence[SignatureInfo]) -> None:
        for batch in whole_slots(infos, self._batch_size):
            events = await events_of(self._client, self.name, self._program, batch)
            self._without_events |= {info.signature for info in batch} - {
                event.tx_signature for event in events
            }
            await self._commit(connection, events)

    async def _unknown(
        self, connection: Connection, infos: Sequence[SignatureInfo]
    ) -> list[SignatureInfo]:
        """Leave out transactions whose events are applied, and those that have none."""
        signatures = [info.signature for info in infos]
        self._without_events.intersection_update(signatures)
        rows = await connection.fetch(
            "SELECT DISTINCT tx_signature FROM events WHERE program = $1"
            " AND tx_signature = ANY($2::text[])",
            self.name,
            signatures,
        )
        known = self._without_events.union(row["tx_signature"] for row in rows)
        return [info for info in infos if info.signature not in known]

    async def _commit(self, connection: Connection, events: Sequence[ChainEvent]) -> None:
        """Apply events that follow the watermark one by one, and the new watermark with them."""
        watermark = await _watermark(connection, self.name)
        following = _contiguous(events, watermark.sequence)
        if following:
            async with connection.transaction():
                for event in following:
                    await apply(connection, event)
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
