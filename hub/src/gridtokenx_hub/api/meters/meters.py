"""Meters as their owners and operators see them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from gridtokenx_hub.api.access.auth import Principal, forbidden
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso, iso_or_none
from gridtokenx_hub.api.meters.models import (
    MeterDetails,
    MeterList,
    MeterSummary,
    Quarantined,
)
from gridtokenx_hub.api.meters.readings import reading_of, thousandths
from gridtokenx_protocol.units import format_kwh

FIRST_ID = ""

LIST = """
SELECT m.*, d.online FROM meters m LEFT JOIN device_status d USING (meter_id)
 WHERE m.meter_id > $1 AND ($2::text IS NULL OR m.owner_wallet = $2)
 ORDER BY m.meter_id LIMIT $3
"""
DETAILS = """
SELECT m.*, d.online, d.changed_at, d.version, d.profile,
       a.sequence AS acknowledged_sequence, a.highest_sequence - a.sequence AS missing,
       l.last_sequence AS settled_sequence, coalesce(l.minted_mwh, 0) AS minted_mwh,
       (SELECT max(expires_at) FROM certificates c WHERE c.meter_id = m.meter_id) AS expires_at
  FROM meters m
  LEFT JOIN device_status d USING (meter_id)
  LEFT JOIN acks a USING (meter_id)
  LEFT JOIN ledgers l USING (meter_id)
 WHERE m.meter_id = $1
"""
LAST_READING = "SELECT * FROM readings WHERE meter_id = $1 ORDER BY sequence DESC LIMIT 1"
QUARANTINED = """
SELECT received_at, reason,
       (SELECT count(*) FROM quarantine WHERE meter_id = $1) AS count
  FROM quarantine WHERE meter_id = $1 ORDER BY id DESC LIMIT 1
"""
TRANSFERRED = """
SELECT max((data ->> 'timestamp')::bigint) FROM events
 WHERE name = 'MeterTransferred' AND data ->> 'meter_id' = $1
"""
BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class View:
    """What of a meter its viewer may see: what was before an owner's time is another's."""

    meter_id: bytes
    since: dt.datetime

    @property
    def since_ms(self) -> int:
        """The beginning in Unix ms."""
        return int(self.since.timestamp() * 1000)


async def view_of(context: ApiContext, caller: Principal, meter_id: bytes) -> View:
    """Return what the caller may see of a meter.

    Raises:
        Problem: 403, another's meter, or none: a stranger is not told which; 404, an operator
            asks for one that is not there.
    """
    owner = await context.pool.fetchval(
        "SELECT owner_wallet FROM meters WHERE meter_id = $1", meter_id
    )
    if caller.role == "operator":
        if owner is None:
            raise Problem(404, "UnknownMeter", f"there is no meter {meter_id.hex()}")
        return View(meter_id, BEGINNING)
    if owner is None or caller.wallet != owner:
        raise forbidden("this needs the token of the meter's owner or of an operator")
    transferred = await context.pool.fetchval(TRANSFERRED, meter_id.hex())
    return View(meter_id, dt.datetime.fromtimestamp(transferred or 0, dt.UTC))


async def list_meters(
    context: ApiContext, wallet: str | None, limit: int, cursor: str | None
) -> MeterList:
    """Return a page of all meters, or of those of one owner, by their ids.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (after,) = read_cursor("meters", cursor, str) or (FIRST_ID,)
    rows = await context.pool.fetch(LIST, _octets(str(after)), wallet, limit + 1)
    page, following = page_of(rows, limit, "meters", lambda row: (row["meter_id"].hex(),))
    return MeterList(meters=[MeterSummary(**_summary(row)) for row in page], next=following)


async def meter_details(context: ApiContext, view: View) -> MeterDetails:
    """Return a meter with its health."""
    (row,) = await context.pool.fetch(DETAILS, view.meter_id)
    last = await context.pool.fetchrow(LAST_READING, view.meter_id)
    refused = await context.pool.fetchrow(QUARANTINED, view.meter_id)
    return MeterDetails(
        **_summary(row),
        export_limit_w=thousandths(row["export_limit_mw"]),
        import_limit_w=thousandths(row["import_limit_mw"]),
        daily_export_limit_kwh=format_kwh(row["daily_export_limit_mwh"]),
        online_changed_at=iso_or_none(row["changed_at"]),
        agent_version=row["version"],
        profile=row["profile"],
        last_reading=None if last is None or last["time"] < view.since else reading_of(last),
        acknowledged_sequence=row["acknowledged_sequence"],
        missing=row["missing"],
        quarantined=None
        if refused is None
        else Quarantined(
            count=refused["count"],
            last_at=iso(refused["received_at"]),
            last_reason=refused["reason"],
        ),
        certificate_expires_at=iso_or_none(row["expires_at"]),
        settled_sequence=row["settled_sequence"],
        minted_kwh=format_kwh(row["minted_mwh"]),
    )


def _summary(row: Any) -> dict[str, Any]:
    return {
        "meter_id": row["meter_id"].hex(),
        "owner_wallet": row["owner_wallet"],
        "status": row["status"],
        "registered_at": iso(row["registered_at"]),
        "online": row["online"],
    }


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Problem(422, "InvalidCursor", "use the `next` of a page of this list") from None
