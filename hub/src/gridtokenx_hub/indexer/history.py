"""What the chain says has happened to a program: signatures, transactions, events."""

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence

from gridtokenx_hub.chain import ChainClient, SignatureInfo, Transaction
from gridtokenx_hub.indexer.errors import TransactionMissing, UnknownEvent
from gridtokenx_hub.indexer.events import ChainEvent
from gridtokenx_programs import BadDataError, Event, Program
from gridtokenx_programs.program import EVENT_TAG

FIRST_PAGE = 50
"""Signatures asked for at first: mostly there is little new, or nothing."""
MOST_DOUBLINGS = 10
"""Of the first page's size: after these it is far above what any node gives at once."""


async def pages_since(
    client: ChainClient, program: Program, slot: int, page_size: int
) -> AsyncIterator[list[SignatureInfo]]:
    """Yield the successful transactions of `program` from `slot` on, oldest slot first.

    The node answers newest first, a page at a time, and in no certain order within a slot. The
    first page is small and each next one twice as large. All but the newest and the oldest page are
    asked for a second time on the way back up: however long the history, no more than two pages
    of it are held.
    """

    async def page_before(ends: Sequence[str]) -> list[SignatureInfo]:
        """Return the page that follows the pages with these last signatures."""
        size = min(FIRST_PAGE << min(len(ends), MOST_DOUBLINGS), page_size)
        before = ends[-1] if ends else None
        return await client.signatures_for_address(program.id, before=before, limit=size)

    def wanted(page: Sequence[SignatureInfo]) -> list[SignatureInfo]:
        found = [info for info in page if info.slot >= slot and info.error is None]
        return sorted(found, key=lambda info: info.slot)

    ends: list[str] = []
    newest = oldest = await page_before(ends)
    # A page that is not full need not be the last; one that does not go on is.
    while oldest and oldest[-1].slot >= slot and oldest[-1].signature not in ends[-1:]:
        ends.append(oldest[-1].signature)
        oldest = await page_before(ends)
    held = {0: newest, len(ends): oldest}
    last: set[str] = set()
    for number in reversed(range(len(ends) + 1)):
        page = wanted(held[number] if number in held else await page_before(ends[:number]))
        # Pages of different nodes behind one address may overlap.
        yield [info for info in page if info.signature not in last]
        last = {info.signature for info in page}


async def whole_slots(
    pages: AsyncIterator[list[SignatureInfo]], size: int
) -> AsyncIterator[list[SignatureInfo]]:
    """Cut `pages`, sorted by slot, into batches of about `size` that never part a slot."""
    batch: list[SignatureInfo] = []
    async for page in pages:
        for slot, infos in itertools.groupby(page, key=lambda info: info.slot):
            if len(batch) >= size and batch[-1].slot != slot:
                yield batch
                batch = []
            batch += infos
    if batch:
        yield batch


async def events_of(
    client: ChainClient, name: str, program: Program, infos: Sequence[SignatureInfo]
) -> list[ChainEvent]:
    """Return the events that `program` sent in these transactions, by sequence.

    Raises:
        TransactionMissing: the node does not have one of them.
        UnknownEvent: there is an event that is not in the program's IDL.
    """
    transactions = await client.transactions([info.signature for info in infos])
    events = [
        event
        for info, found in zip(infos, transactions, strict=True)
        for event in _events_in(found, name, program, info)
    ]
    return sorted(events, key=lambda event: event.sequence)


def _event_data(transaction: Transaction, program: Program) -> list[bytes]:
    """Events come by a call of the program to itself, which the program takes from nobody else."""
    called_with = (
        instruction.data
        for instruction in transaction.inner_instructions
        if instruction.program_id == program.id
    )
    return [data for data in called_with if data.startswith(EVENT_TAG)]


def _events_in(
    transaction: Transaction | None, name: str, program: Program, info: SignatureInfo
) -> Iterator[ChainEvent]:
    if transaction is None:
        raise TransactionMissing(info.signature)
    for data in _event_data(transaction, program):
        event = _decode(name, program, data)
        yield ChainEvent(
            program=name,
            sequence=event.data["sequence"],
            slot=transaction.slot,
            tx_signature=transaction.signature,
            name=event.name,
            data=event.data,
            # Listed in one slot and found in another: a fork in between, so not final yet.
            final=info.is_final and info.slot == transaction.slot,
        )


def _decode(name: str, program: Program, data: bytes) -> Event:
    try:
        event = program.decode_event(data)
    except BadDataError as error:
        raise UnknownEvent(name, str(error)) from error
    if event is None:
        raise UnknownEvent(name, f"the event {data[8:16].hex()}")
    return event
