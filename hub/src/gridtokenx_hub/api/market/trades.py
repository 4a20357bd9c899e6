"""Trades: a user's, the market's, and the parts of one order."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.api.market.models import (
    Counterparty,
    Fill,
    HistoricTrade,
    History,
    MarketTrade,
    MarketTrades,
)
from gridtokenx_protocol.units import format_grx, format_kwh

NEWEST = 2**63 - 1
"""Above every event's number: where a list without a cursor begins."""

HISTORY = """
SELECT t.*, u.name
  FROM ((SELECT *, 'sold' AS side, buyer_wallet AS other FROM transactions
          WHERE seller_wallet = $1 AND event_sequence < $2
          ORDER BY event_sequence DESC LIMIT $3)
        UNION ALL
        (SELECT *, 'bought', seller_wallet FROM transactions
          WHERE buyer_wallet = $1 AND event_sequence < $2
          ORDER BY event_sequence DESC LIMIT $3)) t
  LEFT JOIN users u ON u.wallet = t.other
 ORDER BY t.event_sequence DESC LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill of an order, with the names of both sides."""

    order_id: str
    seller: str
    seller_wallet: str
    buyer: str
    buyer_wallet: str
    amount_mwh: int
    price_micro_grx: int
    total_micro_grx: int
    tx_signature: str
    timestamp: dt.datetime


async def recent_trades(pool: asyncpg.Pool, limit: int) -> list[Trade]:
    """Return the newest trades first."""
    rows = await pool.fetch(
        """
        SELECT t.order_id, coalesce(s.name, t.seller_wallet) AS seller, t.seller_wallet,
               coalesce(b.name, t.buyer_wallet) AS buyer, t.buyer_wallet,
               t.amount_mwh, t.price_micro_grx, t.total_micro_grx, t.tx_signature, t.timestamp
          FROM transactions t
          LEFT JOIN users s ON s.wallet = t.seller_wallet
          LEFT JOIN users b ON b.wallet = t.buyer_wallet
         ORDER BY t.event_sequence DESC LIMIT $1
        """,
        limit,
    )
    return [Trade(**row) for row in rows]


async def history(pool: asyncpg.Pool, wallet: str, limit: int, cursor: str | None) -> History:
    """Return a page of a wallet's trades, newest first.

    Raises:
        Problem: 422, the cursor is none of a history.
    """
    (before,) = read_cursor("history", cursor, int) or (NEWEST,)
    rows = await pool.fetch(HISTORY, wallet, before, limit + 1)
    page, following = page_of(rows, limit, "history", _sequence)
    return History(transactions=[_historic(row) for row in page], next=following)


async def market_trades(
    pool: asyncpg.Pool, order_id: str | None, limit: int, cursor: str | None
) -> MarketTrades:
    """Return a page of all trades, or of those of one order or offer, newest first.

    Raises:
        Problem: 422, the cursor is none of these trades.
    """
    (before,) = read_cursor("trades", cursor, int) or (NEWEST,)
    rows = await _trades(pool, order_id, before, limit + 1)
    page, following = page_of(rows, limit, "trades", _sequence)
    return MarketTrades(trades=[_market_trade(row) for row in page], next=following)


async def fills(pool: asyncpg.Pool, order_id: str, taker: str, limit: int) -> list[Fill]:
    """Return the newest parts of an order or offer that changed hands.

    `taker` is the column with the wallet of who took them.
    """
    return [
        Fill(
            wallet=row[taker],
            amount_kwh=format_kwh(row["amount_mwh"]),
            total_grx=format_grx(row["total_micro_grx"]),
            payment_method=row["payment_method"],
            tx_signature=row["tx_signature"],
            timestamp=iso(row["timestamp"]),
        )
        for row in await _trades(pool, order_id, NEWEST, limit)
    ]


async def _trades(
    pool: asyncpg.Pool, order_id: str | None, before: int, limit: int
) -> Sequence[asyncpg.Record]:
    query = "SELECT * FROM transactions WHERE event_sequence < $1{} ORDER BY event_sequence DESC"
    if order_id is None:
        return await pool.fetch(query.format("") + " LIMIT $2", before, limit)
    return await pool.fetch(
        query.format(" AND order_id = $3") + " LIMIT $2", before, limit, order_id
    )


def _sequence(row: asyncpg.Record) -> tuple[int]:
    return (row["event_sequence"],)


def _historic(row: Any) -> HistoricTrade:
    return HistoricTrade(
        order_id=row["order_id"],
        side=row["side"],
        counterparty=Counterparty(wallet=row["other"], name=row["name"] or row["other"]),
        amount_kwh=format_kwh(row["amount_mwh"]),
        price_per_kwh=format_grx(row["price_micro_grx"]),
        total_grx=format_grx(row["total_micro_grx"]),
        payment_method=row["payment_method"],
        tx_signature=row["tx_signature"],
        timestamp=iso(row["timestamp"]),
    )


def _market_trade(row: Any) -> MarketTrade:
    return MarketTrade(
        order_id=row["order_id"],
        seller_wallet=row["seller_wallet"],
        buyer_wallet=row["buyer_wallet"],
        amount_kwh=format_kwh(row["amount_mwh"]),
        price_per_kwh=format_grx(row["price_micro_grx"]),
        total_grx=format_grx(row["total_micro_grx"]),
        payment_method=row["payment_method"],
        tx_signature=row["tx_signature"],
        timestamp=iso(row["timestamp"]),
    )
