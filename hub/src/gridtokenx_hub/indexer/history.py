"""What the chain says has happened to a program: signatures, transactions, events."""

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Sequence

from gridtokenx_hub.chain import ChainClient, SignatureInfo, Transaction
from gridtokenx_hub.indexer.errors import TransactionMissing, UnknownEvent
from gridtokenx_hub.indexer.events import ChainEvent
from gridtokenx_programs import BadDataError, Event, Program
from gridtokenx_programs.program import EVENT_TAG

CONCURRENT_REQUESTS = 8


async def signatures_since(
    client: ChainClient, program: Program, slot: int, page_size: int
) -> list[SignatureInfo]:
    """Return the successful transactions of `program` from `slot` on, oldest slot first.

    The node answers newest first, a page at a time, and in no certain order within a slot.
    """
    found: list[SignatureInfo] = []
    before: str | None = None
    while True:
        page = await client.signatures_for_address(program.id, before=before, limit=page_size)
        found += (info for info in page if info.slot >= slot and info.error is None)
        if len(page) < page_size or page[-1].slot < slot:
            return sorted(found, key=lambda info: info.slot)
        before = page[-1].signature


def whole_slots(infos: Sequence[SignatureInfo], size: int) -> Iterator[list[SignatureInfo]]:
    """Cut `infos`, sorted by slot, into batches of about `size` that never part a slot."""
    batch: list[SignatureInfo] = []
    for _, slot in itertools.groupby(infos, key=lambda info: info.slot):
        batch += slot
        if len(batch) >= size:
            yield batch
            batch = []
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
    gate = asyncio.Semaphore(CONCURRENT_REQUESTS)

    async def fetch(signature: str) -> Transaction:
        async with gate:
            transaction = await client.transaction(signature)
        if transaction is None:
            raise TransactionMissing(signature)
        return transaction

    transactions = await asyncio.gather(*(fetch(info.signature) for info in infos))
    events = [
        event
        for info, found in zip(infos, transactions, strict=True)
        for event in _events_in(found, name, program, info)
    ]
    return sorted(events, key=lambda event: event.sequence)


def count_events(transaction: Transaction, programs: Iterable[Program]) -> int:
    """Return how many events these programs sent in a transaction."""
    return sum(len(_event_data(transaction, program)) for program in programs)


def _event_data(transaction: Transaction, program: Program) -> list[bytes]:
    """Events come by a call of the program to itself, which the program takes from nobody else."""
    return [
        instruction.data
        for instruction in transaction.inner_instructions
        if instruction.program_id == program.id and instruction.data.startswith(EVENT_TAG)
    ]


def _events_in(
    transaction: Transaction, name: str, program: Program, info: SignatureInfo
) -> Iterator[ChainEvent]:
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
