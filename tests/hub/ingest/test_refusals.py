"""Each way in which a message can be bad, through the real pipeline: reason, row, verdict, ack."""

from collections.abc import Callable

import asyncpg
import pytest

from gridtokenx_hub.ingest import Ingest
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus, Flag, Record

from .devices import Gateway, Meter, new_meter, now_ms, register, until

U64_MAX = 2**64 - 1
ACTIVE_POWER_AT = 64
RESERVED_FLAGS_AT = 85
SYNCHRONISED = int(ClockStatus.SYNCHRONISED)


def changed(message: bytes, position: int, change: int = 1) -> bytes:
    """The message with one byte changed."""
    mutable = bytearray(message)
    mutable[position] ^= change
    return bytes(mutable)


def tampered(meter: Meter, record: Record, position: int) -> bytes:
    """A record that our code would not make, properly signed and chained."""
    data = changed(record.encode(), position)
    meter.hash = record_hash(data)
    return cose.sign(data, meter.signer)


def high_s(meter: Meter) -> bytes:
    """The malleable twin of a P-256 signature."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    message = meter.message()
    return message[:-32] + (order - int.from_bytes(message[-32:], "big")).to_bytes(32, "big")


def by_another_key(meter: Meter) -> bytes:
    """Signed by another meter's key, under this one's key id."""
    forged = cose.sign(meter.record().encode(), new_meter(99).signer)
    return meter.messages[1][:17] + forged[17:]


UNSIGNED: dict[str, tuple[str, Callable[[Meter], bytes]]] = {
    "empty": ("malformed", lambda _: b""),
    "garbage": ("malformed", lambda _: b"\xff\x00garbage" * 20),
    "garbage CBOR": ("malformed", lambda _: b"\x9f" * 500),
    "truncated": ("malformed", lambda meter: meter.message()[:-1]),
    "extended": ("malformed", lambda meter: meter.message() + b"\x00"),
    "unknown algorithm": ("unknown_algorithm", lambda meter: changed(meter.message(), 5, 0x03)),
    "changed payload": ("bad_signature", lambda meter: changed(meter.message(), 60)),
    "changed signature": ("bad_signature", lambda meter: changed(meter.message(), -1)),
    "another meter's key": ("bad_signature", by_another_key),
    "another key's id": ("unknown_key", lambda meter: changed(meter.message(), 9)),
    "signed, but no record": ("malformed", lambda meter: cose.sign(b"GTX1 hello", meter.signer)),
    "signed, sequence 0": (
        "malformed",
        lambda meter: cose.sign(
            meter.record().encode()[:24] + bytes(8) + meter.record().encode()[32:], meter.signer
        ),
    ),
    "another meter's id": (
        "wrong_meter",
        lambda meter: meter.message(meter.record(meter_id=b"\x09" * 16)),
    ),
    "another deployment": (
        "wrong_deployment",
        lambda meter: meter.message(meter.record(deployment=b"\x04\x03\x02\x01")),
    ),
    "sequence at u64::MAX": (
        "out_of_range",
        lambda meter: meter.message(meter.record(sequence=U64_MAX)),
    ),
    "sequence at i64::MAX + 1": (
        "out_of_range",
        lambda meter: meter.message(meter.record(sequence=2**63)),
    ),
}
"""What gives no verdict: nobody can be shown to have signed this sequence of this meter here."""

SIGNED: dict[str, tuple[str, Callable[[Meter], bytes]]] = {
    "reserved flag": (
        "malformed",
        lambda meter: tampered(meter, meter.record(), RESERVED_FLAGS_AT),
    ),
    "settlement with a load profile": (
        "malformed",
        lambda meter: tampered(
            meter, meter.record(flags=SYNCHRONISED | Flag.SETTLEMENT), ACTIVE_POWER_AT
        ),
    ),
    "from the future": (
        "future",
        lambda meter: meter.message(meter.record(time_ms=now_ms() + 70_000)),
    ),
    "time at u64::MAX": ("future", lambda meter: meter.message(meter.record(time_ms=U64_MAX))),
    "register beyond i64": (
        "out_of_range",
        lambda meter: meter.message(meter.record(produced_mwh=2**63)),
    ),
    "register falls": (
        "register_fall",
        lambda meter: meter.message(meter.record(consumed_mwh=499_999)),
    ),
    "register reads zero": (
        "register_fall",
        lambda meter: meter.message(meter.record(produced_mwh=0)),
    ),
    "broken chain": (
        "broken_chain",
        lambda meter: meter.message(meter.record(previous_hash=bytes(32))),
    ),
    "dropped span after itself": (
        "malformed",
        lambda meter: meter.message(meter.record(), extras=encode_map({"dropped": [[2, 5]]})),
    ),
    "dropped without a span": (
        "malformed",
        lambda meter: meter.message(meter.record(), extras=encode_map({"dropped": [1]})),
    ),
    "dropped 65 spans": (
        "malformed",
        lambda meter: meter.message(meter.record(), extras=encode_map({"dropped": [[1, 1]] * 65})),
    ),
}
"""What its device has signed: it gets a verdict, or it would block the spool for ever."""


async def only_row(pool: asyncpg.Pool) -> asyncpg.Record:
    rows = await pool.fetch("SELECT * FROM quarantine")
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize(("reason", "make"), UNSIGNED.values(), ids=UNSIGNED)
async def test_what_nobody_signed_gives_no_verdict(
    pool: asyncpg.Pool,
    gateway: Gateway,
    ingest: Ingest,
    meter: Meter,
    reason: str,
    make: Callable[[Meter], bytes],
) -> None:
    genuine = meter.twin()
    bad = make(meter)
    await gateway.publish(meter, bad)
    await until(lambda: ingest.counters.quarantined.total() > 0)
    row = await only_row(pool)
    assert (row["reason"], row["topic"], row["payload"]) == (reason, meter.topic, bad)
    assert (row["meter_id"], row["sequence"]) == (meter.meter_id, None)
    assert await pool.fetchval("SELECT count(*) FROM verdicts WHERE sequence > 1") == 0
    # the sequence is not burnt: the device's own reading is stored
    await gateway.publish(genuine, genuine.messages[1], genuine.message())
    ack = await gateway.acked(genuine, 2)
    assert ack.hash == genuine.hash
    assert ingest.counters.quarantined == {reason: 1}


@pytest.mark.parametrize(("reason", "make"), SIGNED.values(), ids=SIGNED)
async def test_what_its_device_signed_gets_a_verdict_and_blocks_nothing(
    pool: asyncpg.Pool,
    gateway: Gateway,
    ingest: Ingest,
    meter: Meter,
    reason: str,
    make: Callable[[Meter], bytes],
) -> None:
    bad = make(meter)
    await gateway.publish(meter, bad)
    await gateway.acked(meter, 2)
    row = await only_row(pool)
    assert (row["reason"], row["sequence"], row["payload"]) == (reason, 2, bad)
    verdict = await pool.fetchval("SELECT verdict FROM verdicts WHERE sequence = 2")
    assert verdict == 2
    assert await pool.fetchval("SELECT count(*) FROM readings WHERE sequence > 1") == 0
    # the chain goes on over what was refused
    await gateway.publish(meter)
    await gateway.acked(meter, 3)
    assert ingest.counters.stored == 1
    # the same again is a duplicate and leaves no second row
    await gateway.publish(meter, bad)
    await until(lambda: ingest.counters.duplicates == 1)
    assert await only_row(pool)


async def test_high_s_is_refused(pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest) -> None:
    meter = new_meter(5, Algorithm.P256)
    await register(pool, meter)
    await gateway.publish(meter, high_s(meter))
    await until(lambda: ingest.counters.quarantined.total() > 0)
    assert (await only_row(pool))["reason"] == "bad_signature"


async def test_a_revoked_meters_readings_are_quarantined_with_a_verdict(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    await gateway.publish(meter)
    await gateway.acked(meter, 2)
    await pool.execute("UPDATE meters SET status = 'revoked'")
    await gateway.publish(meter, meter.message(), meter.messages[2])
    await gateway.acked(meter, 3)
    row = await only_row(pool)
    assert (row["reason"], row["sequence"]) == ("revoked", 3)
    assert ingest.counters.duplicates == 1, "what was stored before stays acknowledged"


async def test_a_suspended_meters_readings_are_stored(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    await pool.execute("UPDATE meters SET status = 'suspended'")
    await gateway.publish(meter)
    await gateway.acked(meter, 2)
    assert ingest.counters.stored == 1


async def test_the_key_before_a_rotation_is_refused_at_once(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    await gateway.publish(meter)
    await gateway.acked(meter, 2)
    old_key, new_key = meter.signer, new_meter(7).signer
    await pool.execute("UPDATE meters SET public_key = $1", new_key.public_key)
    # the old key is still in the cache: the table decides, in the transaction of the verdict
    record = meter.record()
    await gateway.publish(meter, meter.message(record))
    await until(lambda: ingest.counters.quarantined.total() == 1)
    assert (await only_row(pool))["reason"] == "unknown_key"
    meter.signer = new_key
    await gateway.publish(meter, meter.message(record))
    await gateway.acked(meter, 3)
    meter.signer = old_key
    await gateway.publish(meter)
    await until(lambda: ingest.counters.quarantined["unknown_key"] == 2)


async def test_the_key_before_a_rotation_counts_up_to_its_last_reading(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    old_key, new_key = meter.signer, new_meter(7, Algorithm.P256).signer
    two, three, four = meter.record(), meter.record(), meter.record()
    await pool.execute(
        "UPDATE meters SET algorithm = $1, public_key = $2, previous_algorithm = 0,"
        " previous_public_key = $3, previous_key_last_sequence = 3",
        int(new_key.algorithm),
        new_key.public_key,
        old_key.public_key,
    )
    four_by_old_key = meter.message(four)
    meter.signer = new_key
    await gateway.publish(meter, meter.message(four))
    meter.signer = old_key
    await gateway.publish(meter, meter.message(three), meter.message(two))
    await gateway.acked(meter, 4)
    await gateway.publish(meter, four_by_old_key, meter.message(meter.record()))
    await until(lambda: ingest.counters.quarantined.total() == 2)
    assert ingest.counters.quarantined == {"unknown_key": 2}
    details = await pool.fetch("SELECT DISTINCT detail FROM quarantine")
    assert [row["detail"] for row in details] == ["that key counts up to reading 3"]
    assert await pool.fetchval("SELECT count(*) FROM verdicts") == 4, "no verdict: no proven signer"


async def test_a_backlog_from_before_a_rotation_is_taken_from_the_new_key(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    old_key = meter.signer.public_key
    records = [meter.record() for _ in range(3)]
    meter.signer = new_meter(7).signer
    await pool.execute(
        "UPDATE meters SET public_key = $1, previous_algorithm = 0, previous_public_key = $2,"
        " previous_key_last_sequence = 4",
        meter.signer.public_key,
        old_key,
    )
    await gateway.publish(meter, meter.message(*records))
    await gateway.acked(meter, 4)
    assert ingest.counters.stored == 3


async def test_two_readings_of_one_sequence_are_equivocation(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    twin = meter.twin()
    first, second = meter.message(), twin.message(twin.record(consumed_mwh=600_000))
    await gateway.publish(meter, first, second)
    await until(lambda: ingest.counters.quarantined["equivocation"] == 1)
    row = await only_row(pool)
    assert (row["reason"], row["sequence"], row["payload"]) == ("equivocation", 2, second)
    assert (await gateway.acked(meter, 2)).hash == meter.hash
    assert await pool.fetchval("SELECT hash FROM readings") == meter.hash


async def test_another_baseline_than_the_registered_one_is_equivocation(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    twin = Meter(meter.meter_id, meter.signer)
    await gateway.publish(twin, twin.message(twin.record(produced_mwh=5)))
    await until(lambda: ingest.counters.quarantined["equivocation"] == 1)
    assert await pool.fetchval("SELECT count(*) FROM readings") == 0


async def test_a_bad_record_in_a_backlog_does_not_take_the_others_with_it(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    records = [meter.record() for _ in range(3)]
    records += [meter.record(time_ms=now_ms() + 100_000 + ahead) for ahead in range(2)]
    records.append(meter.record())
    await gateway.publish(meter, meter.message(*records))
    await gateway.acked(meter, 7)
    row = await only_row(pool)
    assert (row["reason"], row["sequence"]) == ("future", 5)
    assert row["detail"].endswith("(and 1 more, up to reading 6)")
    stored = await pool.fetch("SELECT sequence FROM readings ORDER BY sequence")
    assert [entry["sequence"] for entry in stored] == [2, 3, 4, 7]
    assert ingest.counters.quarantined == {"future": 2}


async def test_a_register_may_fall_where_it_was_replaced(
    gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    meter.produced_mwh = 0
    replaced = SYNCHRONISED | Flag.REGISTER_REPLACED
    await gateway.publish(meter, meter.message(meter.record(flags=replaced, consumed_mwh=0)))
    await gateway.publish(meter, meter.message(meter.record(consumed_mwh=1)))
    await gateway.acked(meter, 3)
    assert ingest.counters.stored == 2


@pytest.mark.parametrize(
    "topic",
    ["gtx/v1/XYZ/readings", "gtx/v1/" + "0" * 31 + "/readings", "gtx/v1/" + "A" * 32 + "/readings"],
)
async def test_a_topic_of_no_meter_is_quarantined(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter, topic: str
) -> None:
    await gateway.publish_raw(topic, meter.message())
    await until(lambda: ingest.counters.quarantined.total() > 0)
    row = await only_row(pool)
    assert (row["reason"], row["meter_id"]) == ("bad_topic", None)


async def test_what_the_database_does_not_take_holds_nobody_else_up(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    await pool.execute("ALTER TABLE readings ADD CHECK (voltage_mv <> 666)")
    other = new_meter(8)
    await register(pool, other)
    poison = meter.message(meter.record(voltage_mv=666))
    await gateway.publish(other, other.message(), other.message())
    await gateway.publish(meter, poison)
    await gateway.publish(other, *(other.message() for _ in range(20)))
    await gateway.acked(other, 23)
    row = await only_row(pool)
    assert (row["reason"], row["payload"]) == ("unstorable", poison)
    assert await pool.fetchval("SELECT count(*) FROM verdicts WHERE verdict = 2") == 0
