"""Two readings of one sequence: from ingest's commit to the suspension on chain."""

import datetime as dt
from dataclasses import replace
from functools import partial

import asyncpg
from tests.hub.onchain import ADDRESSES, PROGRAMS, Device, World, now_ms, running, until

from gridtokenx_hub.equivocation import EquivocationReporter
from gridtokenx_hub.ingest.budget import QuarantineBudget
from gridtokenx_hub.ingest.examine import Opened, examine, open_message
from gridtokenx_hub.ingest.keyring import MeterKey
from gridtokenx_hub.ingest.store import commit
from gridtokenx_hub.registrar import RegistrarClient, RegistrarTransactions
from gridtokenx_hub.registrar.registrar import Registrar
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import ClockStatus, Record
from gridtokenx_protocol.topics import readings_topic

ORDINARY = int(ClockStatus.SYNCHRONISED)


def message_of(device: Device, *records: Record, extras: bytes | None = None) -> bytes:
    return cose.sign(Payload(records, extras).encode(), device.signer)


async def take(world: World, device: Device, *messages: bytes) -> None:
    """Commit these as ingest does."""
    key = MeterKey.load(device.algorithm, device.signer.public_key)
    for message in messages:
        opened = open_message(readings_topic(device.meter_id), message)
        assert isinstance(opened, Opened)
        item = examine(opened, [key], device.deployment, now_ms())
        await commit(world.pool, QuarantineBudget(now_ms), [item])


async def known_device(world: World) -> Device:
    device = await world.device()
    async with running(world.indexer()):
        await world.agrees_with_chain()
    return device


def reporter(world: World) -> EquivocationReporter:
    transactions = RegistrarTransactions(PROGRAMS, ADDRESSES, world.chain.keys.registrar)
    asked = RegistrarClient(world.pool, transactions)
    return EquivocationReporter(world.pool, world.sender, PROGRAMS, ADDRESSES, asked, 0.02)


def registrar(world: World) -> Registrar:
    return Registrar(
        world.pool, world.chain.registrar, PROGRAMS, ADDRESSES, lambda: dt.datetime.now(dt.UTC)
    )


async def only_row(pool: asyncpg.Pool) -> asyncpg.Record:
    (row,) = await pool.fetch("SELECT * FROM equivocations")
    return row


async def next_record(world: World, device: Device, previous: bytes | None = None) -> Record:
    baseline = "SELECT baseline_hash FROM meters WHERE meter_id = $1"
    previous = previous or await world.pool.fetchval(baseline, device.meter_id)
    return replace(device.record(now_ms(), ORDINARY), previous_hash=previous)


async def reported(world: World) -> asyncpg.Record:
    async def done() -> bool:
        return (await only_row(world.pool))["reported_at"] is not None

    async with running(world.indexer(), reporter(world), registrar(world)):
        await until(done)
        await world.agrees_with_chain()
    return await only_row(world.pool)


async def test_both_readings_are_kept_and_the_chain_suspends_the_meter(world: World) -> None:
    device = await known_device(world)
    record = await next_record(world, device)
    first = message_of(device, record)
    second = message_of(device, replace(record, consumed_mwh=record.consumed_mwh + 1))
    await take(world, device, first, second, first, second)
    row = await only_row(world.pool)
    assert (row["first_message"], row["second_message"]) == (first, second)
    assert row["sequence"] == 2
    row = await reported(world)
    assert row["error"] is None
    assert row["tx_signature"] is not None
    meter = await world.pool.fetchrow(
        "SELECT status FROM meters WHERE meter_id = $1", device.meter_id
    )
    assert meter is not None
    assert meter["status"] == "suspended"


async def test_a_reading_within_a_message_of_two_is_proof_as_well(world: World) -> None:
    device = await known_device(world)
    two = await next_record(world, device)
    three = await next_record(world, device, record_hash(two))
    first = message_of(device, two, three)
    second = message_of(device, replace(three, time_ms=three.time_ms + 1))
    await take(world, device, first, second)
    assert (await only_row(world.pool))["first_message"] == first
    assert (await reported(world))["error"] is None


async def long_proof(world: World, device: Device) -> tuple[bytes, bytes]:
    """Two messages that contradict each other, the first too long for the chain."""
    records = [await next_record(world, device)]
    for _ in range(3):
        records.append(await next_record(world, device, record_hash(records[-1])))
    extras = encode_map({"phase": [1, 2, 3]})
    twin = replace(records[-1], frequency_mhz=50_001)
    return message_of(device, *records, extras=extras), message_of(device, twin)


async def test_for_what_the_program_cannot_be_shown_the_registrar_suspends(world: World) -> None:
    device = await known_device(world)
    first, second = await long_proof(world, device)
    await take(world, device, first, second)
    assert (await only_row(world.pool))["first_message"] == first
    row = await reported(world)
    assert row["error"] is None
    signers = await world.client.transaction(row["tx_signature"])
    assert signers is not None
    assert world.chain.registrar.pubkey() in signers.instructions[-1].accounts
    assert await status_of(world, device) == "suspended"


async def test_extras_that_differ_are_proof_enough(world: World) -> None:
    device = await known_device(world)
    record = await next_record(world, device)
    first, second = (
        message_of(device, record, extras=encode_map({"phase": [1, 2, number]}))
        for number in range(2)
    )
    await take(world, device, first, second)
    assert (await reported(world))["error"] is None
    assert await status_of(world, device) == "suspended"


async def test_an_absent_registrar_is_waited_for_and_delays_nobody(world: World) -> None:
    long, short = await known_device(world), await known_device(world)
    await take(world, long, *await long_proof(world, long))
    record = await next_record(world, short)
    twin = replace(record, frequency_mhz=50_001)
    await take(world, short, message_of(short, record), message_of(short, twin))

    async with running(world.indexer(), reporter(world)):
        await until(partial(is_suspended, world, short))
        assert await status_of(world, long) == "active"
        async with running(registrar(world)):
            await until(partial(is_suspended, world, long))


async def is_suspended(world: World, device: Device) -> bool:
    return await status_of(world, device) == "suspended"


async def status_of(world: World, device: Device) -> str:
    query = "SELECT status FROM meters WHERE meter_id = $1"
    status: str = await world.pool.fetchval(query, device.meter_id)
    return status


async def test_one_proof_at_a_time_is_kept_and_none_of_a_suspended_meter(world: World) -> None:
    device = await known_device(world)
    records = [await next_record(world, device)]
    records.append(await next_record(world, device, record_hash(records[0])))
    twins = [replace(record, frequency_mhz=50_001) for record in records]
    messages = [message_of(device, record) for record in (*records, *twins)]
    await take(world, device, *messages)
    assert (await only_row(world.pool))["sequence"] == 2
    await reported(world)
    await take(world, device, messages[3])
    assert (await only_row(world.pool))["sequence"] == 2


async def test_a_refusal_of_the_chain_is_kept_by_its_name(world: World) -> None:
    device = await known_device(world)
    record = await next_record(world, device)
    twin = replace(record, frequency_mhz=50_001)
    await take(world, device, message_of(device, record), message_of(device, twin))
    row = await only_row(world.pool)
    await reported(world)
    await world.pool.execute("UPDATE equivocations SET reported_at = NULL")
    async with running(reporter(world)):
        await until(lambda: errors_are(world.pool, "MeterNotActive"))
    assert (await only_row(world.pool))["first_message"] == row["first_message"]


async def errors_are(pool: asyncpg.Pool, name: str) -> bool:
    return (await only_row(pool))["error"] == name


async def test_a_first_reading_that_is_not_stored_proves_nothing(world: World) -> None:
    device = await known_device(world)
    record = await next_record(world, device)
    first = message_of(device, replace(record, time_ms=now_ms() + 10**7))
    await take(world, device, first, message_of(device, record))
    assert await world.pool.fetchval("SELECT count(*) FROM equivocations") == 0
    reasons = await world.pool.fetch("SELECT reason FROM quarantine ORDER BY id")
    assert [row["reason"] for row in reasons] == ["future", "equivocation"]
