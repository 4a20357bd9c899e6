"""Invariant 3, by a database without a chain: each fault is seen, and what is right is not."""

import asyncpg
import pytest
from tests.hub.settlement import rows

from gridtokenx_hub.audit import Check, hashes
from gridtokenx_hub.audit.verdicts import check_verdicts
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus, Flag, Record

METER = b"audited meter 01"
ORDINARY = int(ClockStatus.SYNCHRONISED)
LAST = 6
LOST = 4


@pytest.fixture
async def honest(pool: asyncpg.Pool) -> asyncpg.Pool:
    """Readings 2 to 6 of a meter, of which 4 is declared lost, acknowledged up to 6."""
    await rows.deployment(pool)
    await rows.meter(pool, METER)
    stored = [record for record in chained() if record.sequence != LOST]
    for record in stored:
        await rows.reading(pool, record)
    await pool.executemany(
        "INSERT INTO verdicts VALUES ($1, $2, $3, 1)",
        [(METER, 1, bytes(32)), *((METER, r.sequence, record_hash(r)) for r in stored)],
    )
    await pool.execute("INSERT INTO losses VALUES ($1, $2, $2, $3)", METER, LOST, LOST + 1)
    await pool.execute(
        "INSERT INTO acks (meter_id, sequence, hash, highest_sequence) VALUES ($1, $2, $3, $2)",
        METER,
        LAST,
        record_hash(stored[-1]),
    )
    return pool


def chained() -> list[Record]:
    records: list[Record] = []
    previous = bytes(32)
    for sequence in range(2, LAST + 1):
        flags = ORDINARY | (int(Flag.GAP) if sequence == LOST + 1 else 0)
        record = rows.record(METER, sequence, sequence, flags=flags, previous_hash=previous)
        records.append(record)
        previous = record_hash(record)
    return records


async def checked(
    pool: asyncpg.Pool, kept_since_ms: int = rows.T0_MS, hashes_since_ms: int = 0
) -> Check:
    async with pool.acquire() as connection, connection.transaction():
        return await check_verdicts(connection, kept_since_ms, hashes_since_ms)


async def found(pool: asyncpg.Pool, **since: int) -> list[str]:
    return [str(difference) for difference in (await checked(pool, **since)).differences]


async def test_what_is_right_is_not_complained_of(honest: asyncpg.Pool) -> None:
    assert await found(honest) == []
    assert (await checked(honest)).compared == {
        "meters": 1,
        "verdicts": 5,
        "declared_losses": 1,
        "readings": 4,
        "hashes_recomputed": 4,
    }


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("DELETE FROM verdicts WHERE sequence = 3", "without a verdict"),
        ("DELETE FROM verdicts", "{[1,4),[5,7)} without a verdict"),
        ("DELETE FROM losses", "{[4,5)} without a verdict"),
        ("UPDATE acks SET sequence = 9", "{[7,10)} without a verdict"),
        ("UPDATE acks SET sequence = 5", "hash of reading 5"),
        ("DELETE FROM readings WHERE sequence = 2", "None stored"),
        ("DELETE FROM readings WHERE sequence = 6", "hash of reading 6"),
        ("UPDATE readings SET hash = sha256('x') WHERE sequence = 6", "hash of reading 6"),
        ("UPDATE readings SET hash = sha256('x') WHERE sequence = 2", "hash before reading 3"),
        ("UPDATE readings SET previous_hash = sha256('x') WHERE sequence = 6", "hash before"),
        ("UPDATE readings SET time_ms = time_ms - 1 WHERE sequence = 2", "content of reading 2"),
        ("UPDATE readings SET produced_mwh = 999 WHERE sequence = 6", "content of reading 6"),
        ("UPDATE readings SET active_power_mw = -1 WHERE sequence = 6", "content of reading 6"),
        ("UPDATE readings SET flags = 0 WHERE sequence = 6", "content of reading 6"),
        ("UPDATE readings SET flags = 4096 WHERE sequence = 6", "no record recomputed"),
        ("UPDATE readings SET extras = 'x' WHERE sequence = 6", "content of reading 6"),
        ("UPDATE hub_state SET deployment = 'else'", "content of reading 2"),
        ("DELETE FROM hub_state", "no record recomputed"),
    ],
)
async def test_a_fault_is_told(honest: asyncpg.Pool, fault: str, told: str) -> None:
    await honest.execute(fault)
    sentences = await found(honest)
    assert sentences
    assert all(METER.hex() in sentence for sentence in sentences)
    assert any(told in sentence for sentence in sentences), sentences


async def test_a_record_is_hashed_with_its_extras(honest: asyncpg.Pool) -> None:
    extras = b"\xa1\x61x\x01"
    digest = record_hash(chained()[-1], extras)
    await honest.execute("UPDATE verdicts SET hash = $1 WHERE sequence = 6", digest)
    await honest.execute("UPDATE acks SET hash = $1", digest)
    await honest.execute(
        "UPDATE readings SET hash = $1, extras = $2 WHERE sequence = 6", digest, extras
    )
    assert await found(honest) == []
    await honest.execute("UPDATE readings SET extras = NULL WHERE sequence = 6")
    assert any("content of reading 6" in sentence for sentence in await found(honest))


async def test_hashes_of_the_days_that_are_asked_for(honest: asyncpg.Pool) -> None:
    await honest.execute("UPDATE readings SET voltage_mv = 1 WHERE sequence = 3")
    since_ms = rows.T0_MS + 4 * rows.QUARTER_MS
    check = await checked(honest, hashes_since_ms=since_ms)
    assert (check.compared["hashes_recomputed"], check.differences) == (2, [])


async def test_a_table_that_differs_as_a_whole_does_not_fill_the_memory(
    honest: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "MOST_DIFFERENCES", 2)
    await honest.execute("UPDATE readings SET voltage_mv = 1")
    assert len(await found(honest)) == 2


async def test_a_reading_of_an_age_at_which_it_is_given_up_may_be_gone(
    honest: asyncpg.Pool,
) -> None:
    await honest.execute("DELETE FROM readings WHERE sequence <= 3")
    assert await found(honest) != []
    assert await found(honest, kept_since_ms=rows.T0_MS + 4 * rows.QUARTER_MS) == []


async def test_a_reading_that_came_after_it_was_declared_lost_is_welcome(
    honest: asyncpg.Pool,
) -> None:
    (late,) = [record for record in chained() if record.sequence == LOST]
    await rows.reading(honest, late)
    await honest.execute(
        "INSERT INTO verdicts VALUES ($1, $2, $3, 1)", METER, LOST, record_hash(late)
    )
    await honest.execute("UPDATE acks SET sequence = 4, hash = $1", bytes(32))
    assert await found(honest) == []
