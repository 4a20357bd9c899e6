"""The indexer against a real chain; what nodes do wrong is added by clients that lie."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from tests.hub.onchain import ADDRESSES, KWH, PROGRAMS, Device, World, now_ms, running, until

from gridtokenx_hub.chain import (
    ChainClient,
    ExecutedInstruction,
    SignatureInfo,
    Transaction,
    TransactionRefused,
)
from gridtokenx_hub.database.announcements import EVENTS, WAKE_INDEXER, WakeUp
from gridtokenx_hub.indexer import (
    EventUnusable,
    HistoryConflict,
    Indexer,
    SequenceHole,
    TransactionMissing,
    UnknownEvent,
    history,
)
from gridtokenx_programs.program import EVENT_TAG

PRICE = 3_000_000
TABLES = {
    "users": "SELECT wallet, name, user_type, registered_at FROM users ORDER BY wallet",
    "meters": "SELECT * FROM meters ORDER BY meter_id",
    "ledgers": "SELECT * FROM ledgers ORDER BY meter_id",
    "orders": "SELECT * FROM orders ORDER BY number",
    "transactions": "SELECT * FROM transactions ORDER BY event_sequence",
    "events": "SELECT * FROM events ORDER BY program, sequence",
    "watermarks": "SELECT * FROM watermarks ORDER BY program",
}


class Liar(ChainClient):
    """A client whose node does not tell everything as it is."""

    hidden: str | None = None
    missing: str | None = None

    async def signatures_for_address(
        self,
        address: Pubkey,
        *,
        before: str | None = None,
        until: str | None = None,
        limit: int = 1000,
    ) -> list[SignatureInfo]:
        page = await super().signatures_for_address(
            address, before=before, until=until, limit=limit
        )
        return [info for info in page if info.signature != self.hidden]

    async def transactions(self, signatures: Sequence[str]) -> list[Transaction | None]:
        found = await super().transactions(signatures)
        return [
            None if signature == self.missing else transaction
            for signature, transaction in zip(signatures, found, strict=True)
        ]


@pytest.fixture
async def liar(world: World) -> AsyncIterator[Liar]:
    client = Liar(world.chain.rpc_url)
    yield client
    await client.close()


async def market_day(world: World) -> Pubkey:
    """One household registers, produces, and sells to another in two parts."""
    seller, buyer = await world.household(), await world.household("Consumer")
    device = await world.device(seller)
    device.produce(12)
    await world.settle(device, device.record(now_ms() // 1000 * 1000))
    await world.mint_grx(buyer, 1_000 * PRICE)
    order = await world.sell(seller, 1, 10, PRICE)
    await world.buy(buyer, seller, order, 4, PRICE)
    await world.buy(buyer, seller, order, 6, PRICE)
    return order


async def dump(world: World) -> dict[str, list[Any]]:
    return {
        name: [tuple(row) for row in await world.pool.fetch(query)]
        for name, query in TABLES.items()
    }


async def blocked_by(indexer: Indexer, kind: type[Exception], program: str = "registry") -> bool:
    return isinstance(indexer.blocked.get(program), kind)


async def test_a_market_day_is_in_the_tables_as_it_is_on_chain(world: World) -> None:
    order_id = await market_day(world)
    async with running(world.indexer()):
        await world.agrees_with_chain()

    (order,) = await world.pool.fetch("SELECT * FROM orders WHERE order_id = $1", str(order_id))
    assert (order["status"], order["filled_mwh"]) == ("filled", 10 * KWH)
    assert order["filled_at"] is not None
    trades = await world.pool.fetch(
        "SELECT * FROM transactions WHERE order_id = $1 ORDER BY event_sequence", str(order_id)
    )
    assert [trade["amount_mwh"] for trade in trades] == [4 * KWH, 6 * KWH]
    assert sum(trade["total_micro_grx"] for trade in trades) == 10 * PRICE
    assert {trade["buyer_wallet"] for trade in trades} == {order["buyer_wallet"]}


async def test_rebuilt_from_nothing_the_tables_are_the_same(world: World) -> None:
    await market_day(world)
    async with running(world.indexer()):
        await world.agrees_with_chain()
    followed = await dump(world)
    await world.pool.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")

    async with running(world.indexer(page_size=2, overlap_slots=0, batch_size=1)):
        await world.agrees_with_chain()

    assert await dump(world) == followed
    assert len(followed["events"]) > 10


async def test_rebuilt_from_the_chain_faults_are_gone(world: World) -> None:
    """Names that the hub gave stay."""
    device = (await world.devices(1))[0]
    device.produce(3)
    await world.store(device, device.record(now_ms() // 1000 * 1000))
    async with running(world.indexer(), world.settlement()):
        await market_day(world)
        await world.states_become(device, "settled")
        await world.agrees_with_chain()
    await world.pool.execute("UPDATE users SET name = 'Somchai'")
    right, outbox = await dump(world), await world.rows(device)
    for fault in (
        "UPDATE ledgers SET minted_mwh = 1",
        "UPDATE meters SET status = 'revoked'",
        "UPDATE orders SET filled_mwh = 1",
        "DELETE FROM transactions",
        "UPDATE events SET data = '{}'",
        "UPDATE settlements SET minted_mwh = 1",
        "UPDATE watermarks SET event_sequence = 1",
    ):
        await world.pool.execute(fault)

    events = await world.indexer().rebuild(10)

    assert await dump(world) == right
    assert await world.rows(device) == outbox
    assert sum(events.values()) == len(right["events"])


async def test_a_rebuild_that_fails_leaves_the_tables_as_they_were(
    world: World, liar: Liar
) -> None:
    liar.hidden = await world.register(Keypair())
    await world.register(Keypair())
    async with running(world.indexer()):
        await world.agrees_with_chain()
    before = await dump(world)
    with pytest.raises(SequenceHole):
        await world.indexer(client=liar).rebuild(10)
    assert await dump(world) == before


async def test_following_in_small_steps_is_the_same_as_reading_it_all_at_once(
    world: World,
) -> None:
    async with running(world.indexer(page_size=1)):
        for _ in range(3):
            await world.register(Keypair())
        await market_day(world)
        await world.agrees_with_chain()
    followed = await dump(world)
    await world.pool.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")

    async with running(world.indexer()):
        await world.agrees_with_chain()

    assert await dump(world) == followed


@pytest.mark.parametrize("batches", [2, 5, 9])
async def test_an_indexer_that_dies_between_batches_goes_on_where_it_was(
    world: World, batches: int
) -> None:
    class Hanging(Liar):
        """Its node falls silent after so many batches."""

        async def transactions(self, signatures: Sequence[str]) -> list[Transaction | None]:
            if asked.batches == batches:
                silent.set()
                await asyncio.Event().wait()
            asked.batches += 1
            return await super().transactions(signatures)

    await market_day(world)
    async with running(world.indexer()):
        await world.agrees_with_chain()
    whole = await dump(world)
    await world.pool.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")

    silent, asked = asyncio.Event(), SimpleNamespace(batches=0)
    client = Hanging(world.chain.rpc_url)
    async with running(world.indexer(client=client, batch_size=1)):
        await silent.wait()
    await client.close()
    kept = await world.pool.fetchval("SELECT count(*) FROM events")
    assert kept == await world.pool.fetchval(
        "SELECT coalesce(sum(event_sequence), 0) FROM watermarks"
    )

    async with running(world.indexer()):
        await world.agrees_with_chain()
    assert await dump(world) == whole


async def test_pages_that_part_a_slot_are_read_as_one(world: World) -> None:
    class OneSlot(Liar):
        async def signatures_for_address(
            self, address: Pubkey, **options: Any
        ) -> list[SignatureInfo]:
            page = await super().signatures_for_address(address, **options)
            return [replace(info, slot=1) for info in page]

        async def transactions(self, signatures: Sequence[str]) -> list[Transaction | None]:
            found = await super().transactions(signatures)
            return [replace(each, slot=1) for each in found if each is not None]

    await market_day(world)
    client = OneSlot(world.chain.rpc_url)
    try:
        async with running(world.indexer(client=client, page_size=3, batch_size=1)):
            await world.agrees_with_chain()
    finally:
        await client.close()
    assert await world.pool.fetchval("SELECT max(slot) FROM watermarks") == 1


async def test_a_server_that_drops_its_connections_is_found_again(world: World) -> None:
    async with running(world.indexer()):
        for _ in range(3):
            await world.register(Keypair())
            await world.agrees_with_chain()
            await world.pool.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )


async def test_a_hole_blocks_its_program_alone_and_heals_when_the_event_appears(
    world: World, liar: Liar
) -> None:
    async with running(world.indexer()):
        await world.agrees_with_chain()
    last = await world.pool.fetchval(
        "SELECT event_sequence FROM watermarks WHERE program = 'registry'"
    )
    await world.register(Keypair())
    liar.hidden = await world.register(Keypair())
    device = await world.device()
    indexer = world.indexer(client=liar)
    async with running(indexer):
        await until(partial(blocked_by, indexer, SequenceHole))
        await world.open_ledger(device)
        await until(partial(holds, world, "energy_token", device.meter_id.hex()))
        assert str(indexer.blocked["registry"]).startswith(f"registry: event {last + 2} is missing")
        assert await watermark(world) == last + 1

        liar.hidden = None
        await world.agrees_with_chain()
        await until(partial(is_free, indexer))


async def test_a_transaction_that_the_node_lists_and_does_not_have_is_waited_for(
    world: World, liar: Liar
) -> None:
    liar.missing = await world.register(Keypair())
    indexer = world.indexer(client=liar)
    async with running(indexer):
        await until(partial(blocked_by, indexer, TransactionMissing))
        liar.missing = None
        await world.agrees_with_chain()


async def test_pages_that_overlap_are_read_once(world: World) -> None:
    """Behind one address there may be nodes of which one is ahead of the other."""

    class Overlapping(Liar):
        async def signatures_for_address(
            self, address: Pubkey, *, before: str | None = None, limit: int = 1000, **options: Any
        ) -> list[SignatureInfo]:
            page = await super().signatures_for_address(
                address, before=before, limit=limit, **options
            )
            shown.update({info.signature: info for info in page})
            return page if before is None else [shown[before], *page][:limit]

    shown: dict[str, SignatureInfo] = {}
    await market_day(world)
    client = Overlapping(world.chain.rpc_url)
    indexer = world.indexer(client=client, page_size=5)
    try:
        async with world.pool.acquire() as connection:
            await indexer._round(connection)
    finally:
        await client.close()
    assert not indexer.blocked
    assert not (await world.audit()).differences


async def test_any_order_within_a_slot_will_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shuffling(Liar):
        async def signatures_for_address(
            self, address: Pubkey, **options: Any
        ) -> list[SignatureInfo]:
            page = await super().signatures_for_address(address, **options)
            random.Random(7).shuffle(page)  # noqa: S311 - not a secret
            return [replace(info, slot=1) for info in page]

    monkeypatch.setattr(history, "FIRST_PAGE", 1000)  # that is one page, and the order in it
    await market_day(world)
    client = Shuffling(world.chain.rpc_url)
    try:
        async with running(world.indexer(client=client)):
            await world.agrees_with_chain()
    finally:
        await client.close()


async def test_another_history_than_the_one_in_the_database_is_not_mixed_in(world: World) -> None:
    await world.register(Keypair())
    async with running(world.indexer()):
        await world.agrees_with_chain()
    await world.pool.execute(
        "UPDATE events SET tx_signature = 'of another chain' WHERE program = 'registry'"
        " AND sequence = (SELECT max(sequence) FROM events WHERE program = 'registry')"
    )

    indexer = world.indexer()
    async with running(indexer):
        await until(partial(blocked_by, indexer, HistoryConflict))


async def test_an_event_that_the_hub_does_not_know_stops_it(world: World) -> None:
    class Newer(Liar):
        """Its registry has an event that came with a later version."""

        async def transactions(self, signatures: Sequence[str]) -> list[Transaction | None]:
            return [
                None if found is None else replace(found, inner_instructions=renamed(found))
                for found in await super().transactions(signatures)
            ]

    def renamed(found: Transaction) -> tuple[ExecutedInstruction, ...]:
        return tuple(
            replace(inner, data=EVENT_TAG + b"\xff" * 8)
            if inner.data.startswith(EVENT_TAG)
            else inner
            for inner in found.inner_instructions
        )

    client = Newer(world.chain.rpc_url)
    indexer = world.indexer(client=client)
    try:
        async with running(indexer):
            await until(partial(blocked_by, indexer, UnknownEvent))
    finally:
        await client.close()
    assert await world.pool.fetchval("SELECT count(*) FROM watermarks") == 0


async def test_an_event_that_contradicts_the_tables_leaves_nothing_behind(world: World) -> None:
    device = await world.device()
    await world.pool.execute(
        "INSERT INTO meters VALUES ($1, '', 0, '', 'active', 1, 1, 1, 1, 1, 1, 1, 1, '', now())",
        device.meter_id,
    )
    indexer = world.indexer()
    async with running(indexer):
        await until(partial(blocked_by, indexer, EventUnusable))
        assert not await holds(world, "registry", device.meter_id.hex())

        await world.pool.execute("DELETE FROM meters WHERE owner_wallet = ''")
        await world.agrees_with_chain()


async def test_transactions_that_fail_or_only_name_a_program_are_passed_over(
    world: World,
) -> None:
    """Also when one of them did something that its failure undid."""
    known, new = Keypair(), Keypair()
    await world.register(known)
    failing = await world.sender.prepare(
        lambda payer: [registration(new, payer), registration(known, payer)], [new, known]
    )
    await world.client.send_raw(failing.raw, preflight=False)
    with pytest.raises(TransactionRefused):
        await world.sender.deliver(failing)
    await world.sender.send(lambda payer: [naming_the_registry(payer)])

    async with running(world.indexer()):
        await world.agrees_with_chain()


async def test_a_user_whom_the_hub_knows_keeps_the_name(world: World) -> None:
    known, stranger = Keypair(), Keypair()
    await world.pool.execute(
        "INSERT INTO users (wallet, name, user_type) VALUES ($1, 'Somchai', 'consumer')",
        str(known.pubkey()),
    )
    for wallet in (known, stranger):
        await world.register(wallet, "Consumer")

    async with running(world.indexer()):
        await world.agrees_with_chain()

    rows = await world.pool.fetch(
        "SELECT name, user_type, registered_at IS NOT NULL AS registered FROM users"
        " WHERE wallet = ANY($1::text[]) ORDER BY id",
        [str(known.pubkey()), str(stranger.pubkey())],
    )
    text = str(stranger.pubkey())
    assert [tuple(row) for row in rows] == [
        ("Somchai", "consumer", True),
        (f"{text[:4]}…{text[-4:]}", "consumer", True),
    ]


async def test_an_order_that_expires_when_no_calendar_reaches_is_taken(world: World) -> None:
    seller = await world.household()
    device = await world.device(seller)
    device.produce(2)
    await world.settle(device, device.record(now_ms() // 1000 * 1000))
    order = await world.sell(seller, 1, 2, PRICE, expires_at=2**63 - 1)

    async with running(world.indexer()):
        await world.agrees_with_chain()

    assert await world.pool.fetchval(
        "SELECT expires_at = 'infinity' FROM orders WHERE order_id = $1", str(order)
    )


async def test_waiting_for_a_transaction_ends_when_its_events_are_committed(world: World) -> None:
    indexer = world.indexer()
    wallet = Keypair()
    signature = await world.register(wallet)
    assert not await indexer.wait_for(signature, 1, 0.2)

    waiting = asyncio.create_task(indexer.wait_for(signature, 1, 10))
    async with running(indexer):
        assert await waiting
        assert await holds(world, "registry", str(wallet.pubkey()))
        assert await indexer.wait_for(signature, 1, 0.5)
        assert not await indexer.wait_for(str(Signature.default()), 1, 0.2)


async def test_waiting_is_for_the_events_of_every_program_in_the_transaction(
    world: World,
) -> None:
    class SlowRegistry(Liar):
        async def signatures_for_address(
            self, address: Pubkey, **options: Any
        ) -> list[SignatureInfo]:
            page = await super().signatures_for_address(address, **options)
            return [] if address == ADDRESSES.registry and not released.is_set() else page

    released = asyncio.Event()
    device, wallet = await world.device(), Keypair()
    sent = await world.sender.send(
        lambda payer: [registration(wallet, payer), opening(device, payer)], [wallet]
    )
    client = SlowRegistry(world.chain.rpc_url)
    indexer = world.indexer(client=client)
    try:
        async with running(indexer):
            await until(partial(holds, world, "energy_token", device.meter_id.hex()))
            assert len(await indexer.wait_for(sent.signature, 2, 0.2)) == 1
            released.set()
            both = await indexer.wait_for(sent.signature, 2, 10)
            assert {event.name for event in both} == {"UserRegistered", "LedgerOpened"}
            assert await holds(world, "registry", str(wallet.pubkey()))
    finally:
        await client.close()


def registration(wallet: Keypair, payer: Pubkey) -> Instruction:
    accounts = {
        "config": ADDRESSES.registry_config(),
        "wallet": wallet.pubkey(),
        "user": ADDRESSES.user(wallet.pubkey()),
        "payer": payer,
    }
    return PROGRAMS["registry"].instruction("register_user", {"user_type": "Consumer"}, accounts)


def opening(device: Device, payer: Pubkey) -> Instruction:
    accounts = {
        "config": ADDRESSES.energy_config(),
        "meter": ADDRESSES.meter(device.meter_id),
        "ledger": ADDRESSES.ledger(device.meter_id),
        "payer": payer,
    }
    return PROGRAMS["energy_token"].instruction("open_ledger", {}, accounts)


def naming_the_registry(payer: Pubkey) -> Instruction:
    """A transfer that has the registry among its accounts for no reason."""
    parameters = TransferParams(from_pubkey=payer, to_pubkey=payer, lamports=1)
    instruction = transfer(parameters)
    return Instruction(
        instruction.program_id,
        instruction.data,
        [*instruction.accounts, AccountMeta(ADDRESSES.registry, False, False)],
    )


async def watermark(world: World) -> int:
    sequence: int = await world.pool.fetchval(
        "SELECT event_sequence FROM watermarks WHERE program = 'registry'"
    )
    return sequence


async def holds(world: World, program: str, text: str) -> bool:
    """Whether there is an event in which this text stands."""
    found: bool = await world.pool.fetchval(
        "SELECT EXISTS (SELECT FROM events WHERE program = $1 AND position($2 IN data::text) > 0)",
        program,
        text,
    )
    return found


async def is_free(indexer: Indexer) -> bool:
    return not indexer.blocked


async def test_a_process_that_waits_wakes_the_one_that_leads(world: World) -> None:
    """Neither would look for half a minute by itself."""
    leader = Indexer(world.pool, world.client, PROGRAMS, 30.0)
    waiting = Indexer(world.pool, world.client, PROGRAMS, 30.0)
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    )

    async def both_listen() -> bool:
        return bool(await world.pool.fetchval(query) == 2)

    async with running(
        leader,
        WakeUp(world.pool, WAKE_INDEXER, leader.wake),
        WakeUp(world.pool, EVENTS, waiting.announce),
    ):
        assert await leader.wait_for(await world.register(Keypair()), 1, 20)
        await until(both_listen)
        assert await waiting.wait_for(await world.register(Keypair()), 1, 20)
