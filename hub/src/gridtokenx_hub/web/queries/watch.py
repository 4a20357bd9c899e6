"""What operators watch beside the counts: readiness, index, devices, and what waits for a part."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.chain import ChainError
from gridtokenx_hub.monitoring.parts import PARTS, index_lag, unready

WAITING = """
SELECT (SELECT count(*) FROM commands WHERE sent_at IS NULL) AS commands,
       (SELECT count(*) FROM equivocations WHERE reported_at IS NULL) AS equivocations,
       (SELECT count(*) FROM exclusions WHERE excluded_at IS NULL) AS exclusions,
       (SELECT count(*) FROM registrar_requests WHERE state = 'open') AS registrar
"""
OFFLINE = """
SELECT encode(m.meter_id, 'hex') AS meter_id, coalesce(u.name, m.owner_wallet) AS owner,
       d.changed_at, d.version
  FROM meters m
  LEFT JOIN device_status d USING (meter_id)
  LEFT JOIN users u ON u.wallet = m.owner_wallet
 WHERE m.status = 'active' AND d.online IS NOT TRUE
 ORDER BY d.changed_at DESC NULLS LAST, m.meter_id LIMIT $1
"""
REASONS = """
SELECT reason, count(*) AS count FROM quarantine WHERE received_at > $1
 GROUP BY reason ORDER BY count DESC, reason
"""
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is well and what is not.

    `parts`: why each part is not ready, empty when it is. `lag`: events that each program sent and
    the database has not; None while chain or index do not tell. `waiting`: how much waits for each
    part. `offline`: rows of `OFFLINE`, last heard first. `reasons`: how many messages were refused
    in a day, by reason.
    """

    parts: Mapping[str, str]
    lag: Mapping[str, int] | None
    waiting: Mapping[str, int]
    offline: Sequence[Any]
    reasons: Mapping[str, int]


async def watch(context: ApiContext, now: dt.datetime, limit: int) -> Watch:
    """Return all of it, with at most `limit` devices."""
    why = await unready(context)
    (waiting,) = await context.pool.fetch(WAITING)
    return Watch(
        {part: why.get(part, "") for part in PARTS},
        None if "chain" in why else await _lag(context),
        dict(waiting),
        await context.pool.fetch(OFFLINE, limit),
        await _reasons(context.pool, now),
    )


async def _lag(context: ApiContext) -> Mapping[str, int] | None:
    try:
        return await index_lag(context)
    except ChainError:  # gone since it was asked
        return None


async def _reasons(pool: asyncpg.Pool, now: dt.datetime) -> Mapping[str, int]:
    rows = await pool.fetch(REASONS, now - DAY)
    return {row["reason"]: row["count"] for row in rows}
