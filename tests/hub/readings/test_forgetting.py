"""Verdicts go by age, journals too; ingest needs neither."""

import datetime as dt

import asyncpg
from tests.hub.ingest.devices import DEPLOYMENT, Meter, new_meter, now_ms, register
from tests.hub.ingest.test_order import Hub

from gridtokenx_hub.audit.verdicts import check_verdicts
from gridtokenx_hub.readings.journals import OLD
from gridtokenx_hub.readings.retention import retire
from gridtokenx_hub.readings.rollups import roll_up

DAY_MS = 86_400_000
AGE_MS = 91 * DAY_MS


async def meter_with(pool: asyncpg.Pool, old: int, young: int) -> tuple[Meter, Hub]:
    """A meter with so many readings past their age, and so many that are not; all rolled up."""
    meter = new_meter(1)
    await register(pool, meter)
    await pool.execute("UPDATE meters SET baseline_time_ms = $1", now_ms() - 2 * AGE_MS)
    await pool.execute("INSERT INTO hub_state VALUES (true, 1, $1)", DEPLOYMENT)
    hub = Hub(pool, meter)
    for number in range(old):
        record = meter.record(time_ms=now_ms() - AGE_MS - DAY_MS + number)
        await hub.take(meter.message(record))
    for _ in range(young):
        await hub.take(meter.message())
    await rolled_up(pool)
    return meter, hub


async def rolled_up(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        while await roll_up(connection):
            pass


async def upkeep(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await retire(connection, now_ms())


async def judged(pool: asyncpg.Pool) -> list[int]:
    rows = await pool.fetch("SELECT sequence FROM verdicts ORDER BY sequence")
    return [row["sequence"] for row in rows]


async def test_verdicts_of_old_readings_go(pool: asyncpg.Pool) -> None:
    await meter_with(pool, old=5, young=3)
    await upkeep(pool)
    assert await judged(pool) == [7, 8, 9]
    assert await pool.fetchval("SELECT sequence FROM forgotten") == 6
    await upkeep(pool)
    assert await judged(pool) == [7, 8, 9]


async def test_what_comes_again_changes_nothing(pool: asyncpg.Pool) -> None:
    """Repeated as it was, or another one under the same sequence: neither can be told any more."""
    meter, hub = await meter_with(pool, old=5, young=3)
    twin = new_meter(1)
    await upkeep(pool)
    before = await hub.stored()
    assert await hub.take(*(meter.messages[sequence] for sequence in range(1, 7))) == 9
    assert await hub.take(twin.message(twin.record(time_ms=now_ms() - AGE_MS))) == 9
    assert await hub.stored() == before
    assert await judged(pool) == [7, 8, 9]
    assert not hub.reasons
    assert await hub.take(meter.messages[8], meter.message()) == 10
    assert await pool.fetchval("SELECT count(*) FROM equivocations") == 0


async def test_what_is_young_is_told_apart_as_before(pool: asyncpg.Pool) -> None:
    meter, hub = await meter_with(pool, old=5, young=3)
    await upkeep(pool)
    other = meter.twin()
    await hub.take(other.message(other.record(sequence=8)))
    assert hub.reasons == {"equivocation": 1}


async def test_above_the_ack_nothing_is_forgotten(pool: asyncpg.Pool) -> None:
    """A reading that is missing is taken when it comes, however old it is."""
    meter = new_meter(1)
    await register(pool, meter)
    hub = Hub(pool, meter)
    messages = [
        meter.message(meter.record(time_ms=now_ms() - AGE_MS - DAY_MS + number))
        for number in range(5)
    ]
    assert await hub.take(messages[0], *messages[2:]) == 2
    await rolled_up(pool)
    await upkeep(pool)
    assert await judged(pool) == [2, 4, 5, 6]
    assert await hub.take(messages[1]) == 6


async def test_the_last_verdict_stays_and_the_audit_holds(pool: asyncpg.Pool) -> None:
    await meter_with(pool, old=5, young=0)
    await upkeep(pool)
    assert await judged(pool) == [6]
    async with pool.acquire() as connection, connection.transaction():
        check = await check_verdicts(connection, now_ms() - 89 * DAY_MS)
        assert check.differences == []
        await connection.execute("DELETE FROM forgotten")
        assert len((await check_verdicts(connection, now_ms() - 89 * DAY_MS)).differences) == 1


async def test_losses_go_with_them(pool: asyncpg.Pool) -> None:
    await meter_with(pool, old=5, young=1)
    await pool.execute(
        "INSERT INTO losses SELECT meter_id, n, n, 20 FROM meters, unnest(ARRAY[6, 7]) AS n"
    )
    await upkeep(pool)
    assert await pool.fetchval("SELECT array_agg(last_sequence) FROM losses") == [7]


async def test_journals_are_kept_for_their_time(pool: asyncpg.Pool) -> None:
    await pool.execute(
        """
        INSERT INTO users (wallet, name, user_type) VALUES ('w', 'n', 'prosumer');
        INSERT INTO api_tokens (token_hash, role) VALUES ('t', 'operator');
        INSERT INTO provisioning_codes
            (purpose, issued_by, user_id, meter_id, created_at, expires_at)
        SELECT 'revoke', t.id, u.id, decode(repeat('00', 16), 'hex'), now(), now()
        FROM api_tokens t, users u;
        """
    )
    await register(pool, new_meter(1))
    for statement, days in OLD.items():
        table = statement.split()[2]
        for hours in (24 * days - 1, 24 * days + 1):
            at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
            await pool.execute(ROWS[table], at, hours)
    await upkeep(pool)
    for statement, days in OLD.items():
        table = statement.split()[2]
        assert await pool.fetchval(KEPT.format(table=table, column=HOURS[table])) == str(
            24 * days - 1
        ), table


async def test_a_token_stays_while_it_is_good_or_something_points_to_it(
    pool: asyncpg.Pool,
) -> None:
    await pool.execute(
        """
        INSERT INTO users (wallet, name, user_type) VALUES ('w', 'n', 'prosumer');
        INSERT INTO api_tokens (token_hash, role, expires_at, revoked_at, label) VALUES
            ('1', 'operator', NULL, NULL, 'for ever'),
            ('2', 'operator', now() + interval '1 day', NULL, 'good'),
            ('3', 'operator', NULL, now() - interval '31 days', 'revoked'),
            ('4', 'operator', now() - interval '31 days', NULL, 'issued a code'),
            ('5', 'operator', now() - interval '31 days', NULL, 'has a session'),
            ('6', 'operator', now() - interval '31 days', NULL, 'has answered');
        INSERT INTO api_tokens (token_hash, role, expires_at, label, parent_id)
            SELECT '7', 'operator', now() + interval '1 hour', 'session', id
            FROM api_tokens WHERE label = 'has a session';
        INSERT INTO provisioning_codes
            (purpose, issued_by, user_id, meter_id, created_at, expires_at)
            SELECT 'revoke', t.id, u.id, decode(repeat('00', 16), 'hex'), now(), now()
            FROM api_tokens t, users u WHERE label = 'issued a code';
        INSERT INTO idempotency_keys (token_id, key, request_hash)
            SELECT id, 'k', 'h' FROM api_tokens WHERE label = 'has answered';
        """
    )
    await upkeep(pool)
    left = await pool.fetch("SELECT label FROM api_tokens ORDER BY id")
    assert [row["label"] for row in left] == [
        "for ever",
        "good",
        "issued a code",
        "has a session",
        "has answered",
        "session",
    ]


KEPT = "SELECT string_agg({column}::text, ',') FROM {table}"
HOURS = {
    "idempotency_keys": "key",
    "quarantine": "sequence",
    "commands": "number",
    "registrar_requests": "detail",
    "settlements": "sequence",
    "oracle_rounds": "detail",
    "certificates": "convert_from(serial_number, 'UTF8')",
    "backups": "size_bytes",
    "api_tokens": "nullif(label, '')",
}
ROWS = {
    "idempotency_keys": "INSERT INTO idempotency_keys (token_id, key, request_hash, created_at)"
    " SELECT id, ($2::int)::text, '', $1 FROM api_tokens",
    "quarantine": "INSERT INTO quarantine (topic, reason, detail, payload, received_at, sequence)"
    " VALUES ('', '', '', '', $1, $2)",
    "commands": "INSERT INTO commands (meter_id, number, kind, from_sequence, expires_ms,"
    " created_at) SELECT meter_id, $2, 1, 0, 0, $1 FROM meters",
    "registrar_requests": "INSERT INTO registrar_requests (code_id, message, state, created_at,"
    " detail) SELECT id, '', 'signed', $1, ($2::int)::text FROM provisioning_codes",
    "settlements": "INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm,"
    " signature, status, updated_at) SELECT meter_id, $2, 0, decode(repeat('00', 120), 'hex'), 0,"
    " '', 'superseded', $1 FROM meters",
    "api_tokens": "INSERT INTO api_tokens (token_hash, role, expires_at, label)"
    " VALUES (convert_to(($2::int)::text, 'UTF8'), 'operator', $1, ($2::int)::text)",
    "oracle_rounds": "INSERT INTO oracle_rounds (began_at, sources, outcome, detail)"
    " VALUES ($1, '[]', 'withheld', ($2::int)::text)",
    "certificates": "INSERT INTO certificates (serial_number, meter_id, issued_at, expires_at)"
    " VALUES (convert_to(($2::int)::text, 'UTF8'), '', $1, $1)",
    "backups": "INSERT INTO backups (began_at, ended_at, size_bytes) VALUES ($1, $1, $2)",
}
"""A row of each journal of a given age in hours, by which it is known again."""
