"""The market in figures, made anew every second at most, whoever asks and however often."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Generic, TypeVar

import asyncpg

from gridtokenx_hub.api.market.market import iso_or_none
from gridtokenx_hub.api.market.models import (
    MarketPrice,
    PriceIn,
    Statistics,
    Windows,
    WindowStatistics,
)
from gridtokenx_protocol.units import MWH_PER_KWH, format_grx, format_kwh

FRESH_S = 1.0
RATE_MAX_AGE = dt.timedelta(minutes=5)
"""As old as the trading program takes it for a reservation."""
MICRO = 1_000_000
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
WINDOWS = {"24h": dt.timedelta(days=1), "7d": dt.timedelta(days=7), "all": None}

BOOK = """
SELECT (SELECT min(price_micro_grx) FROM orders
         WHERE status = 'active' AND (expires_at IS NULL OR expires_at > $1)) AS best_price,
       (SELECT max(price_micro_grx) FROM offers
         WHERE status = 'active' AND (expires_at IS NULL OR expires_at > $1)) AS best_offer,
       (SELECT count(*) FROM offers
         WHERE status = 'active' AND (expires_at IS NULL OR expires_at > $1)) AS active_offers,
       count(*) AS active_orders,
       coalesce(sum(amount_mwh - filled_mwh - reserved_mwh), 0) AS active_mwh
  FROM orders WHERE status = 'active' AND (expires_at IS NULL OR expires_at > $1)
"""
LAST_TRADE = """
SELECT price_micro_grx, timestamp FROM transactions ORDER BY event_sequence DESC LIMIT 1
"""
WINDOW = """
SELECT count(*) AS trades, coalesce(sum(amount_mwh), 0) AS mwh,
       coalesce(sum(total_micro_grx), 0) AS micro_grx,
       min(price_micro_grx) AS lowest, max(price_micro_grx) AS highest,
       (SELECT count(*) FROM orders WHERE created_at > $1) AS made,
       (SELECT count(*) FROM orders WHERE created_at > $1 AND filled_mwh > 0) AS matched
  FROM transactions WHERE timestamp > $1
"""
RATE = """
SELECT micro_thb_per_grx AS rate, timestamp FROM prices ORDER BY event_sequence DESC LIMIT 1
"""

Made = TypeVar("Made")


class Recent(Generic[Made]):
    """A value that is made anew when it is older than `fresh_s`, once for all who ask."""

    def __init__(self, fresh_s: float = FRESH_S) -> None:
        self._fresh_s = fresh_s
        self._lock = asyncio.Lock()
        self._made: Made | None = None
        self._made_at = EVER

    async def get(self, now: dt.datetime, make: Callable[[], Awaitable[Made]]) -> Made:
        """Return it."""
        async with self._lock:
            age_s = (now - self._made_at).total_seconds()
            if self._made is None or not 0 <= age_s < self._fresh_s:
                self._made = await make()
                self._made_at = now
            return self._made


async def read_statistics(pool: asyncpg.Pool, now: dt.datetime) -> Statistics:
    """Return the market in figures."""
    (book,) = await pool.fetch(BOOK, now)
    last_price, last_traded_at = await _last_trade(pool)
    windows = {
        name: await _window(pool, EVER if width is None else now - width)
        for name, width in WINDOWS.items()
    }
    return Statistics(
        best_price=_grx(book["best_price"]),
        best_offer=_grx(book["best_offer"]),
        last_price=_grx(last_price),
        last_traded_at=iso_or_none(last_traded_at),
        active_orders=book["active_orders"],
        active_kwh=format_kwh(int(book["active_mwh"])),
        active_offers=book["active_offers"],
        windows=Windows(**windows),
    )


async def _last_trade(pool: asyncpg.Pool) -> tuple[int | None, dt.datetime | None]:
    row = await pool.fetchrow(LAST_TRADE)
    return (None, None) if row is None else (row["price_micro_grx"], row["timestamp"])


async def _window(pool: asyncpg.Pool, since: dt.datetime) -> WindowStatistics:
    (row,) = await pool.fetch(WINDOW, since)
    trades, mwh, micro_grx = row["trades"], int(row["mwh"]), int(row["micro_grx"])
    return WindowStatistics(
        trades=trades,
        volume_kwh=format_kwh(mwh),
        volume_grx=format_grx(micro_grx),
        lowest_price=_grx(row["lowest"]),
        highest_price=_grx(row["highest"]),
        average_price=_grx(_rounded(micro_grx * MWH_PER_KWH, mwh)),
        average_kwh=_grx(_rounded(mwh, trades)),
        average_grx=_grx(_rounded(micro_grx, trades)),
        match_rate=_grx(_rounded(row["matched"] * MICRO, row["made"])),
    )


async def read_price(pool: asyncpg.Pool, now: dt.datetime) -> MarketPrice:
    """Return what a kWh costs, and the rate of the price feed."""
    best = await pool.fetchval(
        "SELECT min(price_micro_grx) FROM orders"
        " WHERE status = 'active' AND (expires_at IS NULL OR expires_at > $1)",
        now,
    )
    last, _ = await _last_trade(pool)
    posted = await pool.fetchrow(RATE)
    rate, rate_at = (None, None) if posted is None else (posted["rate"], posted["timestamp"])
    return MarketPrice(
        best_price=_price_in(best, rate),
        last_price=_price_in(last, rate),
        thb_per_grx=_grx(rate),
        rate_at=iso_or_none(rate_at),
        stale=rate_at is None or now - rate_at > RATE_MAX_AGE,
    )


def _price_in(micro_grx: int | None, micro_thb_per_grx: int | None) -> PriceIn | None:
    if micro_grx is None:
        return None
    if micro_thb_per_grx is None:
        return PriceIn(grx=format_grx(micro_grx))
    micro_thb = -(-micro_grx * micro_thb_per_grx // MICRO)
    return PriceIn(grx=format_grx(micro_grx), thb=format_grx(micro_thb))


def _rounded(total: int, count: int) -> int | None:
    """Return the quotient to the nearest whole, None of nothing."""
    return (total + count // 2) // count if count else None


def _grx(millionths: int | None) -> Decimal | None:
    return None if millionths is None else format_grx(millionths)
