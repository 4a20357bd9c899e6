"""Readings, roll-ups and settlements of a meter, by the page and by time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.api.market.trades import NEWEST
from gridtokenx_hub.api.meters.models import (
    ClockName,
    FlagName,
    MeterSettlement,
    Period,
    Periods,
    Reading,
    Readings,
    Settlements,
)
from gridtokenx_protocol.record import Flag
from gridtokenx_protocol.units import format_kwh

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

CLOCK_BITS = 3
CLOCKS: tuple[ClockName, ...] = ("unknown", "relative", "informative", "synchronised")
FLAGS: Mapping[Flag, FlagName] = {
    Flag.SETTLEMENT: "settlement",
    Flag.GAP: "gap",
    Flag.METER_FAULT: "meter_fault",
    Flag.REGISTER_REPLACED: "register_replaced",
    Flag.TAMPER: "tamper",
}
FOREVER = dt.datetime.max.replace(tzinfo=dt.UTC)
LAST_S = int(FOREVER.timestamp())

RAW = """
SELECT * FROM readings
 WHERE meter_id = $1 AND time >= $2 AND time < $3 AND sequence < $4
 ORDER BY sequence DESC LIMIT $5
"""
PERIODS = """
SELECT * FROM {table}
 WHERE meter_id = $1 AND start >= $2 AND start < $3 AND start < to_timestamp($4)
 ORDER BY start DESC LIMIT $5
"""
OF_METER = """
SELECT * FROM settlements WHERE meter_id = $1 AND time_ms >= $2 AND sequence < $3
 ORDER BY sequence DESC LIMIT $4
"""
OF_OWNER = """
SELECT s.* FROM settlements s JOIN meters m USING (meter_id)
 WHERE m.owner_wallet = $1 AND s.id < $2
   AND s.time_ms >= coalesce((
       SELECT max((data ->> 'timestamp')::bigint) * 1000 FROM events
        WHERE name = 'MeterTransferred' AND data ->> 'meter_id' = encode(s.meter_id, 'hex')), 0)
 ORDER BY s.id DESC LIMIT $3
"""

Table = Literal["quarter_hours", "days"]


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant up to another, which it does not reach."""

    begin: dt.datetime
    end: dt.datetime


async def raw_readings(
    pool: asyncpg.Pool, meter_id: bytes, span: Span, limit: int, cursor: str | None
) -> Readings:
    """Return a page of a meter's readings in a span, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor("readings", cursor, int) or (NEWEST,)
    rows = await pool.fetch(RAW, meter_id, span.begin, span.end, before, limit + 1)
    page, following = page_of(rows, limit, "readings", lambda row: (row["sequence"],))
    return Readings(readings=[reading_of(row) for row in page], next=following)


async def periods(
    pool: asyncpg.Pool,
    table: Table,
    meter_id: bytes,
    span: Span,
    limit: int,
    cursor: str | None,
) -> Periods:
    """Return a page of a meter's quarter-hours or days that begin in a span, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor(table, cursor, int) or (LAST_S,)
    before_s = min(max(int(before), 0), LAST_S)  # what the database has an instant for
    rows = await pool.fetch(
        PERIODS.format(table=table), meter_id, span.begin, span.end, before_s, limit + 1
    )
    page, following = page_of(rows, limit, table, lambda row: (int(row["start"].timestamp()),))
    return Periods(periods=[_period(row) for row in page], next=following)


async def settlements_of_meter(
    pool: asyncpg.Pool, meter_id: bytes, since_ms: int, limit: int, cursor: str | None
) -> Settlements:
    """Return a page of a meter's settlements, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor("settlements", cursor, int) or (NEWEST,)
    rows = await pool.fetch(OF_METER, meter_id, since_ms, before, limit + 1)
    page, following = page_of(rows, limit, "settlements", lambda row: (row["sequence"],))
    return Settlements(settlements=[settlement_of(row) for row in page], next=following)


async def settlements_of_owner(
    pool: asyncpg.Pool, wallet: str, limit: int, cursor: str | None
) -> Settlements:
    """Return a page of the settlements of all meters of an owner, of the time that they are theirs.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor("own settlements", cursor, int) or (NEWEST,)
    rows = await pool.fetch(OF_OWNER, wallet, before, limit + 1)
    page, following = page_of(rows, limit, "own settlements", lambda row: (row["id"],))
    return Settlements(settlements=[settlement_of(row) for row in page], next=following)


def reading_of(row: Any) -> Reading:
    """Return a row of `readings` as it is shown."""
    flags = row["flags"]
    return Reading(
        sequence=row["sequence"],
        time=row["time"].astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        produced_kwh=format_kwh(row["produced_mwh"]),
        consumed_kwh=format_kwh(row["consumed_mwh"]),
        surplus_kwh=format_kwh(row["surplus_mwh"]),
        active_power_w=thousandths(row["active_power_mw"]),
        voltage_v=thousandths(row["voltage_mv"]),
        current_a=thousandths(row["current_ma"]),
        frequency_hz=thousandths(row["frequency_mhz"]),
        clock=CLOCKS[flags & CLOCK_BITS],
        flags=[name for flag, name in FLAGS.items() if flags & flag],
    )


def thousandths(value: int) -> Decimal:
    """Return an exact decimal from thousandths of a unit."""
    return Decimal(value).scaleb(-3)


def _period(row: Any) -> Period:
    lowest, highest = row["lowest_power_mw"], row["highest_power_mw"]
    return Period(
        start=iso(row["start"]),
        readings=row["readings"],
        produced_kwh=format_kwh(row["produced_mwh"]),
        consumed_kwh=format_kwh(row["consumed_mwh"]),
        surplus_kwh=format_kwh(row["surplus_mwh"]),
        lowest_power_w=None if lowest is None else thousandths(lowest),
        highest_power_w=None if highest is None else thousandths(highest),
    )


def settlement_of(row: Any) -> MeterSettlement:
    """Return a row of `settlements` as it is shown."""
    minted = row["minted_mwh"]
    return MeterSettlement(
        meter_id=row["meter_id"].hex(),
        sequence=row["sequence"],
        time=iso(dt.datetime.fromtimestamp(row["time_ms"] / 1000, dt.UTC)),
        status=row["status"],
        minted_kwh=None if minted is None else format_kwh(minted),
        tx_signature=row["tx_signature"],
        error=row["error"],
    )
