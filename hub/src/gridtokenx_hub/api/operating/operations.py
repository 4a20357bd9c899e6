"""Settlements by their state, what ingest refused, and backups, by the page."""

import base64
import datetime as dt
from typing import Any

import asyncpg

from gridtokenx_hub.api.http.pagination import MAX_BIGINT, page_of, read_cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.api.meters.models import Settlements, SettlementStatus
from gridtokenx_hub.api.meters.readings import settlement_of
from gridtokenx_hub.api.operating.models import (
    BackupList,
    BackupShown,
    QuarantinedMessage,
    QuarantineEntry,
    QuarantineList,
)
from gridtokenx_hub.backup.journal import Entry, read_backup_state

SETTLEMENTS = "SELECT * FROM settlements WHERE status = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
ENTRY = "id, received_at, topic, meter_id, sequence, reason, detail, octet_length(payload) AS size"
BACKUPS = "SELECT * FROM backups WHERE id < $1 ORDER BY id DESC LIMIT $2"
QUARANTINE = f"SELECT {ENTRY} FROM quarantine WHERE id < $1 ORDER BY id DESC LIMIT $2"  # noqa: S608 - our own words
MESSAGE = f"SELECT {ENTRY}, payload FROM quarantine WHERE id = $1"  # noqa: S608 - our own words


async def settlements_in(
    pool: asyncpg.Pool, status: SettlementStatus, limit: int, cursor: str | None
) -> Settlements:
    """Return a page of the settlements in a state, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    order = f"{status} settlements"
    (before,) = read_cursor(order, cursor, int) or (MAX_BIGINT,)
    rows = await pool.fetch(SETTLEMENTS, status, before, limit + 1)
    page, following = page_of(rows, limit, order, lambda row: (row["id"],))
    return Settlements(settlements=[settlement_of(row) for row in page], next=following)


async def quarantined(pool: asyncpg.Pool, limit: int, cursor: str | None) -> QuarantineList:
    """Return a page of refused messages, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor("quarantine", cursor, int) or (MAX_BIGINT,)
    rows = await pool.fetch(QUARANTINE, before, limit + 1)
    page, following = page_of(rows, limit, "quarantine", lambda row: (row["id"],))
    return QuarantineList(messages=[QuarantineEntry(**_entry(row)) for row in page], next=following)


async def message(pool: asyncpg.Pool, number: int) -> QuarantinedMessage:
    """Return a refused message with its bytes.

    Raises:
        Problem: 404, there is none.
    """
    row = await pool.fetchrow(MESSAGE, number)
    if row is None:
        raise Problem(404, "UnknownMessage", f"there is no message {number} in quarantine")
    return QuarantinedMessage(**_entry(row), payload=base64.b64encode(row["payload"]).decode())


async def backups(
    pool: asyncpg.Pool, now: dt.datetime, limit: int, cursor: str | None
) -> BackupList:
    """Return where backups stand, and a page of those that have ended, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor("backups", cursor, int) or (MAX_BIGINT,)
    rows = await pool.fetch(BACKUPS, before, limit + 1)
    page, following = page_of(rows, limit, "backups", lambda row: (row["id"],))
    state = await read_backup_state(pool, now)
    return BackupList(
        standing=state.standing,
        last_good=None if state.last_good is None else _backup(state.last_good),
        backups=[_backup(Entry.of(row)) for row in page],
        next=following,
    )


def _backup(entry: Entry) -> BackupShown:
    return BackupShown(
        number=entry.number,
        began_at=iso(entry.began_at),
        ended_at=iso(entry.ended_at),
        size_bytes=entry.size_bytes,
        failure=entry.failure,
    )


def _entry(row: Any) -> dict[str, Any]:
    return {
        "number": row["id"],
        "received_at": iso(row["received_at"]),
        "topic": row["topic"],
        "meter_id": None if row["meter_id"] is None else row["meter_id"].hex(),
        "sequence": row["sequence"],
        "reason": row["reason"],
        "detail": row["detail"],
        "size_bytes": row["size"],
    }
