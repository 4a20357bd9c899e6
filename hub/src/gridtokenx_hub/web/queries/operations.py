"""What an operator looks at first: is anything waiting, refused or behind?"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import asyncpg

OVERVIEW = """
SELECT (SELECT count(*) FROM readings WHERE received_at > $1) AS readings_hour,
       (SELECT max(received_at) FROM readings WHERE received_at > $1) AS last_reading_at,
       (SELECT count(*) FROM quarantine WHERE received_at > $2) AS quarantined_day,
       (SELECT count(*) FROM meters) AS meters,
       (SELECT count(*) FROM device_status WHERE online) AS meters_online,
       (SELECT count(*) FROM settlements WHERE status = 'pending') AS settlements_pending,
       (SELECT count(*) FROM settlements WHERE status = 'sent') AS settlements_sent,
       (SELECT count(*) FROM settlements WHERE status = 'refused') AS settlements_refused,
       (SELECT min(created_at) FROM settlements WHERE status IN ('pending', 'sent'))
           AS oldest_open_settlement,
       (SELECT count(*) FROM events WHERE NOT final) AS events_provisional,
       (SELECT max(slot) FROM watermarks) AS indexed_slot,
       pg_database_size(current_database()) AS database_bytes
"""
QUARANTINE = """
SELECT received_at, encode(meter_id, 'hex') AS meter_id, sequence, reason, detail
  FROM quarantine ORDER BY id DESC LIMIT $1
"""
REFUSED = """
SELECT encode(meter_id, 'hex') AS meter_id, sequence, error, updated_at, tx_signature
  FROM settlements WHERE status = 'refused' ORDER BY id DESC LIMIT $1
"""


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of the hub; `readings_hour` came in the last hour, `quarantined_day` in a day."""

    readings_hour: int
    last_reading_at: dt.datetime | None
    quarantined_day: int
    meters: int
    meters_online: int
    settlements_pending: int
    settlements_sent: int
    settlements_refused: int
    oldest_open_settlement: dt.datetime | None
    events_provisional: int
    indexed_slot: int | None
    database_bytes: int


async def overview(pool: asyncpg.Pool, now: dt.datetime) -> Overview:
    """Return the counts."""
    (row,) = await pool.fetch(OVERVIEW, now - dt.timedelta(hours=1), now - dt.timedelta(days=1))
    return Overview(**row)


async def quarantined(pool: asyncpg.Pool, limit: int) -> list[Any]:
    """Return the newest messages that were refused, as rows of `QUARANTINE`."""
    return list(await pool.fetch(QUARANTINE, limit))


async def refused(pool: asyncpg.Pool, limit: int) -> list[Any]:
    """Return the newest settlements that the chain refused, as rows of `REFUSED`."""
    return list(await pool.fetch(REFUSED, limit))
