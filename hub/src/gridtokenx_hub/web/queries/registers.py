"""A meter's registers at given instants, and what was measured between them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import asyncpg

QUARTER_HOUR = dt.timedelta(minutes=15)
REACH = dt.timedelta(days=40)
"""How far before an instant a quarter-hour is looked for: longer silences show as none."""

REGISTERS_AT = """
WITH owned AS (
    SELECT m.*, (SELECT to_timestamp(max((data ->> 'timestamp')::bigint)) FROM events
                  WHERE name = 'MeterTransferred'
                    AND data ->> 'meter_id' = encode(m.meter_id, 'hex')) AS since
      FROM meters m WHERE m.meter_id = ANY ($1))
SELECT sum(coalesce(q.produced_mwh, m.baseline_produced_mwh))::bigint AS produced,
       sum(coalesce(q.consumed_mwh, m.baseline_consumed_mwh))::bigint AS consumed,
       sum(coalesce(q.surplus_mwh, m.baseline_surplus_mwh))::bigint AS surplus,
       count(q.start) AS known
  FROM unnest($2::timestamptz[]) WITH ORDINALITY AS wanted (instant, place)
 CROSS JOIN owned m
  LEFT JOIN LATERAL (
       SELECT start, produced_mwh, consumed_mwh, surplus_mwh FROM quarter_hours
        WHERE meter_id = m.meter_id AND start < greatest(wanted.instant, m.since) AND start >= $3
        ORDER BY start DESC LIMIT 1) q ON true
 GROUP BY wanted.place ORDER BY wanted.place
"""
"""What was before a meter's last transfer is another's: there its registers stand still."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in a span of time, in mWh; `known` once there was a reading."""

    start: dt.datetime
    end: dt.datetime
    produced_mwh: int
    consumed_mwh: int
    surplus_mwh: int
    known: bool


async def measured(
    pool: asyncpg.Pool,
    meter_ids: Sequence[bytes],
    instants: Sequence[dt.datetime],
    now: dt.datetime,
) -> list[Measured]:
    """Return what these meters measured together between each instant and the next.

    A quarter-hour's row holds the registers at its end, so those at an instant are in the last
    row that began before it. Instants are boundaries of quarter-hours, in order. A meter that was
    replaced goes on from its own registers: where they fall, nothing was measured.
    """
    rows = await pool.fetch(REGISTERS_AT, meter_ids, instants, instants[0] - REACH)
    return [
        Measured(
            start,
            end,
            max(0, after["produced"] - before["produced"]),
            max(0, after["consumed"] - before["consumed"]),
            max(0, after["surplus"] - before["surplus"]),
            start <= now and after["known"] > 0,
        )
        for (start, end), (before, after) in zip(pairwise(instants), pairwise(rows), strict=True)
    ]
