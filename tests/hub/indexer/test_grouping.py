"""Events that are written together leave the tables as if each had been written alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hub.indexer.random_events import (
    OUTBOX_SEQUENCES,
    THINGS,
    draws,
    events,
    meter_id,
    outbox_record,
    value,
)

from gridtokenx_hub.indexer import IndexerError
from gridtokenx_hub.indexer.changes import KEYS
from gridtokenx_hub.indexer.events import ChainEvent
from gridtokenx_hub.indexer.handlers import apply
from gridtokenx_programs import PROGRAM_NAMES
from gridtokenx_programs.idl import Field, Primitive

DUMP = {
    **{str(table): f"SELECT * FROM {table} ORDER BY {key}" for table, key in KEYS.items()},  # noqa: S608 - our own names
    "users": "SELECT wallet, name, user_type, registered_at FROM users ORDER BY id",
    "settlements": "SELECT meter_id, sequence, status, tx_signature, error, minted_mwh, updated_at"
    " FROM settlements ORDER BY meter_id, sequence",
}
each_program = pytest.mark.parametrize("program", PROGRAM_NAMES)
Tables = dict[str, list[tuple[Any, ...]]]


async def seed(connection: asyncpg.Connection) -> None:
    """An outbox in every state, and a user whom the hub has named."""
    wallet = str(value(Field("wallet", Primitive("pubkey")), 0, 0))
    await connection.execute(
        "INSERT INTO users (wallet, name, user_type) VALUES ($1, 'Somchai', 'consumer')", wallet
    )
    await connection.executemany(
        "INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm, signature,"
        " status, updated_at) VALUES ($1, $2, 1, $3, -8, '', $4, 'epoch')",
        [
            (meter_id(thing), sequence, outbox_record(meter_id(thing), sequence), status)
            for thing in range(THINGS)
            for sequence, status in zip(
                OUTBOX_SEQUENCES, ("pending", "sent", "refused", "superseded"), strict=True
            )
        ],
    )


async def tables_after(url: str, *batches: Sequence[ChainEvent]) -> Tables:
    """What the tables hold when these batches have been applied; nothing of it stays."""
    connection = await asyncpg.connect(url)
    try:
        await connection.transaction().start()
        await seed(connection)
        for batch in batches:
            await apply(connection, batch)
        return {
            name: [tuple(row) for row in await connection.fetch(query)]
            for name, query in DUMP.items()
        }
    finally:
        await connection.close()


@each_program
@settings(
    max_examples=40,
    deadline=None,  # how long a database takes says nothing here
    # Nothing stays in the database from one example to the next.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_written_together_as_one_by_one(
    database_url: str, program: str, data: st.DataObject
) -> None:
    """Wherever a batch is cut."""
    sent = events(program, data.draw(draws(program)))
    cut = data.draw(st.integers(0, len(sent)))
    alone = await tables_after(database_url, *([event] for event in sent))
    assert await tables_after(database_url, sent) == alone
    assert await tables_after(database_url, sent[:cut], sent[cut:]) == alone
    assert len(alone["events"]) == len(sent)


async def refusal(url: str, *batches: Sequence[ChainEvent]) -> str:
    """Why the last of these batches is not taken; nothing of it is in the tables."""
    connection = await asyncpg.connect(url)
    try:
        for batch in batches[:-1]:
            await apply(connection, batch)
        with pytest.raises(IndexerError) as refused:
            async with connection.transaction():
                await apply(connection, batches[-1])
        kept = await connection.fetchval("SELECT count(*) FROM events")
        assert kept == sum(map(len, batches[:-1]))
        return f"{type(refused.value).__name__}: {refused.value}"
    finally:
        await connection.close()


def changed(event: ChainEvent, **fields: object) -> ChainEvent:
    """The event with other fields."""
    return replace(event, data={**event.data, **fields})


async def test_the_event_that_contradicts_the_tables_is_named(database_url: str) -> None:
    """Whether its row was there before, or came with an event of the same batch."""
    first, second, third = events(
        "registry",
        [("MeterRegistered", 0, 1), ("MeterRegistered", 1, 2), ("MeterRegistered", 2, 3)],
    )
    again = changed(third, meter_id=second.data["meter_id"])
    named = "EventUnusable: registry: event 3 (MeterRegistered) does not fit the tables"
    assert (await refusal(database_url, [first, second, again])).startswith(named)
    assert (await refusal(database_url, [first, second], [again])).startswith(named)


async def test_what_only_the_database_refuses_is_named(database_url: str) -> None:
    first, second, third = events(
        "trading", [("OrderCreated", 0, 1), ("OrderCreated", 1, 2), ("PriceUpdated", 0, 3)]
    )
    second = changed(second, number=first.data["number"])
    answer = await refusal(database_url, [first, second, third])
    assert answer.startswith("EventUnusable: trading: event 2 (OrderCreated)")


async def test_an_unknown_event_keeps_its_batch_out(database_url: str) -> None:
    known, other = events("registry", [("UserRegistered", 0, 1), ("UserRegistered", 1, 2)])
    answer = await refusal(database_url, [known, replace(other, name="Invented")])
    assert answer.startswith("UnknownEvent")


async def test_trades_that_were_reserved_add_up(database_url: str) -> None:
    """A trade in baht tells what it takes from the reserved energy, not what is left of it."""
    order, *trades = events("trading", [("OrderCreated", 0, 1), *[("TradeExecuted", 0, 2)] * 2])
    trades = [changed(trade, payment_method=1, amount_mwh=5) for trade in trades]
    alone = await tables_after(database_url, [order], *([trade] for trade in trades))
    assert await tables_after(database_url, [order], trades) == alone
    assert await tables_after(database_url, [order, *trades]) == alone
