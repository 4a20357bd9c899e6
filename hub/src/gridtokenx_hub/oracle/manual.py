"""The operators' own rates: set with a reason and an end, revoked, and never forgotten."""

import datetime as dt
from dataclasses import dataclass

import asyncpg

from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.oracle.errors import ManualRateRefused
from gridtokenx_hub.oracle.rates import MAX_MICRO_THB_PER_GRX

LONGEST = dt.timedelta(hours=24)

IN_FORCE = """
SELECT id, micro_thb_per_grx, reason, set_by, set_at, ends_at FROM manual_rates
 WHERE revoked_at IS NULL AND ends_at > $1 ORDER BY id DESC LIMIT 1
"""
REVOKE = """
UPDATE manual_rates SET revoked_by = $1, revoked_at = greatest($2, set_at)
 WHERE revoked_at IS NULL AND ends_at > $2
"""
INSERT = """
INSERT INTO manual_rates (micro_thb_per_grx, reason, set_by, set_at, ends_at)
VALUES ($1, $2, $3, $4, $5) RETURNING id, micro_thb_per_grx, reason, set_by, set_at, ends_at
"""


@dataclass(frozen=True, slots=True)
class ManualRate:
    """A rate in µTHB per GRX, good until `ends_at`, for when the sources do not do."""

    id: int
    micro_thb_per_grx: int
    reason: str
    set_by: str
    set_at: dt.datetime
    ends_at: dt.datetime


async def manual_rate(
    connection: "Connection | asyncpg.Pool", now: dt.datetime
) -> ManualRate | None:
    """Return the one in force, None when there is none."""
    row = await connection.fetchrow(IN_FORCE, now)
    return None if row is None else ManualRate(**row)


async def set_manual_rate(
    pool: asyncpg.Pool,
    micro_thb_per_grx: int,
    reason: str,
    set_by: str,
    ends_at: dt.datetime,
    now: dt.datetime,
) -> ManualRate:
    """Put a rate in force, in place of the one before.

    Raises:
        ManualRateRefused: no rate, no reason, or an end that is not within 24 hours.
    """
    if not 0 < micro_thb_per_grx <= MAX_MICRO_THB_PER_GRX:
        raise ManualRateRefused("a rate is more than zero, and at most 1,000,000 THB per GRX")
    if not reason.strip():
        raise ManualRateRefused("say why: those who look later want to know")
    if not now < ends_at <= now + LONGEST:
        raise ManualRateRefused("a rate ends in the future, at most 24 hours from now")
    async with pool.acquire() as connection, connection.transaction():
        # One at a time: two at once would each find the other's not yet there.
        await connection.execute("LOCK TABLE manual_rates IN SHARE ROW EXCLUSIVE MODE")
        await connection.execute(REVOKE, set_by, now)
        (row,) = await connection.fetch(
            INSERT, micro_thb_per_grx, reason.strip(), set_by, now, ends_at
        )
    return ManualRate(**row)


async def revoke_manual_rate(pool: asyncpg.Pool, revoked_by: str, now: dt.datetime) -> bool:
    """Take the rate in force back; return whether there was one."""
    return str(await pool.execute(REVOKE, revoked_by, now)) != "UPDATE 0"
