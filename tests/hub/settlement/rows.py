"""Rows for tests of the outbox, without ingest and chain."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
from solders.pubkey import Pubkey

from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus, Flag, Record

DEPLOYMENT = b"dply"
T0_MS = 1_800_000_000_000
QUARTER_MS = 900_000
SETTLEMENT_FLAGS = int(ClockStatus.SYNCHRONISED | Flag.SETTLEMENT)


async def deployment(pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO hub_state (epoch, deployment) VALUES (1, $1)", DEPLOYMENT)


async def meter(pool: asyncpg.Pool, meter_id: bytes, status: str = "active") -> None:
    """A meter whose baseline is sequence 1 at T0 with 100 produced, 50 consumed."""
    await pool.execute(
        "INSERT INTO meters VALUES ($1, $2, 0, $3, $4, 5, 5, 5, 1, $5, 100, 50, 0, $6, now())",
        meter_id,
        str(Pubkey.new_unique()),
        bytes(32),
        status,
        T0_MS,
        bytes(32),
    )


async def change_claimed(pool: asyncpg.Pool, meter_id: bytes) -> None:
    """A code to replace this meter, claimed by its device."""
    await pool.execute(
        "INSERT INTO users (id, wallet, name, user_type) OVERRIDING SYSTEM VALUE"
        " VALUES (1, 'wallet', 'owner', 'prosumer')"
    )
    await pool.execute(
        "INSERT INTO api_tokens (id, token_hash, role) OVERRIDING SYSTEM VALUE"
        " VALUES (1, $1, 'operator')",
        bytes(32),
    )
    await pool.execute(
        "INSERT INTO provisioning_codes (code_hash, purpose, issued_by, user_id, meter_id,"
        " created_at, expires_at, claimed_at) VALUES ($1, 'replace_meter', 1, 1, $2, now(),"
        " 'infinity', now())",
        bytes(32),
        meter_id,
    )


def record(meter_id: bytes, sequence: int, quarters: int, /, **changed: Any) -> Record:
    """A settlement reading `quarters` after T0 with other registers than the baseline."""
    fields: dict[str, Any] = {
        "deployment": DEPLOYMENT,
        "meter_id": meter_id,
        "sequence": sequence,
        "time_ms": T0_MS + quarters * QUARTER_MS,
        "produced_mwh": 100 + sequence,
        "consumed_mwh": 50,
        "surplus_mwh": sequence,
        "active_power_mw": 0,
        "voltage_mv": 0,
        "current_ma": 0,
        "frequency_mhz": 0,
        "flags": SETTLEMENT_FLAGS,
        "previous_hash": bytes(32),
    }
    return Record(**(fields | changed))


async def reading(pool: asyncpg.Pool, stored: Record, signature: bytes = bytes(64)) -> None:
    await pool.execute(
        "INSERT INTO readings VALUES"
        " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, -8, $15, $2, 1)",
        stored.meter_id,
        stored.sequence,
        datetime.fromtimestamp(stored.time_ms / 1000, UTC),
        stored.time_ms,
        stored.produced_mwh,
        stored.consumed_mwh,
        stored.surplus_mwh,
        stored.active_power_mw,
        stored.voltage_mv,
        stored.current_ma,
        stored.frequency_mhz,
        stored.flags,
        stored.previous_hash,
        record_hash(stored),
        signature,
    )


async def settled(pool: asyncpg.Pool, stored: Record) -> None:
    """The meter's ledger stands at this reading."""
    await pool.execute(
        "INSERT INTO ledgers VALUES ($1, $2, $3, $4, $5, $6, $6)",
        stored.meter_id,
        stored.sequence,
        stored.time_ms,
        stored.produced_mwh,
        stored.consumed_mwh,
        stored.surplus_mwh,
    )


async def states(pool: asyncpg.Pool) -> dict[int, str]:
    """Status of each row by its sequence."""
    return {
        row["sequence"]: row["status"]
        for row in await pool.fetch("SELECT sequence, status FROM settlements")
    }
