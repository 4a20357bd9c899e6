"""The market as the database shows it: the order book, trades and totals."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import asyncpg

from gridtokenx_hub.api.models import ActiveOrder, Counterparty, HistoricTrade, Seller
from gridtokenx_protocol.units import format_grx, format_kwh, quote


@dataclass(frozen=True, slots=True)
class Order:
    """An order of any status, with its seller and what it has left."""

    order_id: str
    number: int
    seller: Seller
    amount_mwh: int
    filled_mwh: int
    reserved_mwh: int
    price_micro_grx: int
    status: str
    buyer_wallet: str | None
    created_at: dt.datetime
    filled_at: dt.datetime | None
    expires_at: dt.datetime | None
    closed_at: dt.datetime | None
    tx_signature: str

    @property
    def left_mwh(self) -> int:
        """What can still be bought."""
        return self.amount_mwh - self.filled_mwh - self.reserved_mwh

    @property
    def left_micro_grx(self) -> int:
        """What all that is left costs: the parts of an order add up to its whole price."""
        taken_mwh = self.filled_mwh + self.reserved_mwh
        return payment(self.amount_mwh, taken_mwh, self.price_micro_grx)


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill of an order, with the names of both sides."""

    order_id: str
    seller: str
    buyer: str
    amount_mwh: int
    price_micro_grx: int
    total_micro_grx: int
    tx_signature: str
    timestamp: dt.datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of the whole market; the best price is None when the book is empty."""

    minted_mwh: int
    traded_mwh: int
    active_orders: int
    best_price_micro_grx: int | None


def iso(instant: dt.datetime) -> str:
    """Write an instant as ISO 8601 in UTC with Z, to the second."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def payment(amount_mwh: int, taken_mwh: int, price_micro_grx: int) -> int:
    """Return what the rest of an order costs in µGRX."""
    return quote(amount_mwh, price_micro_grx) - quote(taken_mwh, price_micro_grx)


async def active_orders(pool: asyncpg.Pool, now: dt.datetime, limit: int) -> list[Order]:
    """Return the book: best price first, then first come."""
    rows = await pool.fetch(
        _ORDERS + " WHERE o.status = 'active' AND (o.expires_at IS NULL OR o.expires_at > $1)"
        " ORDER BY o.price_micro_grx, o.number LIMIT $2",
        now,
        limit,
    )
    return [_order(row) for row in rows]


async def order(pool: asyncpg.Pool, order_id: str) -> Order | None:
    """Return one order of any status."""
    row = await pool.fetchrow(_ORDERS + " WHERE o.order_id = $1", order_id)
    return None if row is None else _order(row)


async def recent_trades(pool: asyncpg.Pool, limit: int) -> list[Trade]:
    """Return the newest trades first."""
    rows = await pool.fetch(
        """
        SELECT t.order_id, coalesce(s.name, t.seller_wallet) AS seller,
               coalesce(b.name, t.buyer_wallet) AS buyer, t.amount_mwh, t.price_micro_grx,
               t.total_micro_grx, t.tx_signature, t.timestamp
          FROM transactions t
          LEFT JOIN users s ON s.wallet = t.seller_wallet
          LEFT JOIN users b ON b.wallet = t.buyer_wallet
         ORDER BY t.event_sequence DESC LIMIT $1
        """,
        limit,
    )
    return [Trade(**row) for row in rows]


async def totals(pool: asyncpg.Pool, now: dt.datetime) -> Totals:
    """Return the figures of the whole market."""
    (row,) = await pool.fetch(
        """
        SELECT (SELECT coalesce(sum(minted_mwh), 0)::bigint FROM ledgers) AS minted_mwh,
               (SELECT coalesce(sum(amount_mwh), 0)::bigint FROM transactions) AS traded_mwh,
               count(*) AS active_orders, min(price_micro_grx) AS best_price_micro_grx
          FROM orders
         WHERE status = 'active' AND (expires_at IS NULL OR expires_at > $1)
        """,
        now,
    )
    return Totals(**row)


async def history(pool: asyncpg.Pool, user_id: int, limit: int) -> list[HistoricTrade] | None:
    """Return a user's trades, newest first; None when there is no such user."""
    wallet = await pool.fetchval("SELECT wallet FROM users WHERE id = $1", user_id)
    if wallet is None:
        return None
    rows = await pool.fetch(
        """
        SELECT t.*, u.name
          FROM (SELECT *, 'sold' AS side, buyer_wallet AS other
                  FROM transactions WHERE seller_wallet = $1
                UNION ALL
                SELECT *, 'bought', seller_wallet FROM transactions WHERE buyer_wallet = $1) t
          LEFT JOIN users u ON u.wallet = t.other
         ORDER BY t.event_sequence DESC LIMIT $2
        """,
        wallet,
        limit,
    )
    return [_historic(row) for row in rows]


def shown(order: Order) -> ActiveOrder:
    """Return an order as the API shows it."""
    return ActiveOrder(
        order_id=order.order_id,
        seller=order.seller,
        amount_kwh=format_kwh(order.left_mwh),
        price_per_kwh=format_grx(order.price_micro_grx),
        total_price_grx=format_grx(order.left_micro_grx),
        created_at=iso(order.created_at),
    )


_ORDERS = """
SELECT o.*, coalesce(u.name, o.seller_wallet) AS seller_name,
       coalesce(u.user_type, 'prosumer') AS seller_type
  FROM orders o LEFT JOIN users u ON u.wallet = o.seller_wallet
"""


def _order(row: Any) -> Order:
    fields = dict(row)
    seller = Seller(
        wallet=fields.pop("seller_wallet"),
        name=fields.pop("seller_name"),
        user_type=fields.pop("seller_type"),
    )
    return Order(seller=seller, **fields)


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
