"""The market as the database shows it: orders, offers, and how they are shown."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import asyncpg

from gridtokenx_hub.api.market.models import (
    ActiveOffer,
    ActiveOrder,
    OfferStatus,
    OfferSummary,
    OrderStatus,
    OrderSummary,
    Party,
)
from gridtokenx_protocol.units import format_grx, format_kwh, quote


@dataclass(frozen=True, slots=True)
class Order:
    """An order of any status, with its seller and what it has left."""

    order_id: str
    number: int
    seller: Party
    amount_mwh: int
    filled_mwh: int
    reserved_mwh: int
    price_micro_grx: int
    status: OrderStatus
    buyer_wallet: str | None
    created_at: dt.datetime
    filled_at: dt.datetime | None
    expires_at: dt.datetime | None
    closed_at: dt.datetime | None
    tx_signature: str

    @property
    def left_mwh(self) -> int:
        """What is neither sold nor reserved."""
        return self.amount_mwh - self.filled_mwh - self.reserved_mwh

    @property
    def left_micro_grx(self) -> int:
        """What all that is left costs: the parts of an order add up to its whole price."""
        taken_mwh = self.filled_mwh + self.reserved_mwh
        return payment(self.amount_mwh, taken_mwh, self.price_micro_grx)


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer of any status, with its buyer."""

    offer_id: str
    number: int
    buyer: Party
    amount_mwh: int
    filled_mwh: int
    price_micro_grx: int
    status: OfferStatus
    created_at: dt.datetime
    expires_at: dt.datetime | None
    closed_at: dt.datetime | None
    tx_signature: str

    @property
    def left_mwh(self) -> int:
        """What is not delivered."""
        return self.amount_mwh - self.filled_mwh

    @property
    def left_micro_grx(self) -> int:
        """What is paid for all that is left."""
        return payment(self.amount_mwh, self.filled_mwh, self.price_micro_grx)


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


def iso_of_unix(seconds: int) -> str:
    """Write an instant given in Unix seconds."""
    return iso(dt.datetime.fromtimestamp(seconds, dt.UTC))


def iso_or_none(instant: dt.datetime | None) -> str | None:
    """Write an instant that may be missing."""
    return None if instant is None else iso(instant)


def payment(amount_mwh: int, taken_mwh: int, price_micro_grx: int) -> int:
    """Return what the rest of an order costs in µGRX."""
    return quote(amount_mwh, price_micro_grx) - quote(taken_mwh, price_micro_grx)


async def order(pool: asyncpg.Pool, order_id: str) -> Order | None:
    """Return one order of any status."""
    row = await pool.fetchrow(ORDERS + " WHERE o.order_id = $1", order_id)
    return None if row is None else order_of(row)


async def offer(pool: asyncpg.Pool, offer_id: str) -> Offer | None:
    """Return one offer of any status."""
    row = await pool.fetchrow(OFFERS + " WHERE o.offer_id = $1", offer_id)
    return None if row is None else offer_of(row)


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


def shown(order: Order) -> ActiveOrder:
    """Return an order as the book shows it."""
    return ActiveOrder(
        order_id=order.order_id,
        seller=order.seller,
        amount_kwh=format_kwh(order.left_mwh),
        price_per_kwh=format_grx(order.price_micro_grx),
        total_price_grx=format_grx(order.left_micro_grx),
        created_at=iso(order.created_at),
        expires_at=iso_or_none(order.expires_at),
    )


def shown_offer(offer: Offer) -> ActiveOffer:
    """Return an offer as the book shows it."""
    return ActiveOffer(
        offer_id=offer.offer_id,
        buyer=offer.buyer,
        amount_kwh=format_kwh(offer.left_mwh),
        price_per_kwh=format_grx(offer.price_micro_grx),
        total_price_grx=format_grx(offer.left_micro_grx),
        created_at=iso(offer.created_at),
        expires_at=iso_or_none(offer.expires_at),
    )


def order_summary(order: Order) -> OrderSummary:
    """Return an order of any status in short."""
    return OrderSummary(
        order_id=order.order_id,
        status=order.status,
        amount_kwh=format_kwh(order.amount_mwh),
        filled_kwh=format_kwh(order.filled_mwh),
        reserved_kwh=format_kwh(order.reserved_mwh),
        remaining_kwh=format_kwh(order.left_mwh if order.status == "active" else 0),
        price_per_kwh=format_grx(order.price_micro_grx),
        created_at=iso(order.created_at),
        expires_at=iso_or_none(order.expires_at),
        tx_signature=order.tx_signature,
    )


def offer_summary(offer: Offer) -> OfferSummary:
    """Return an offer of any status in short."""
    return OfferSummary(
        offer_id=offer.offer_id,
        status=offer.status,
        amount_kwh=format_kwh(offer.amount_mwh),
        filled_kwh=format_kwh(offer.filled_mwh),
        remaining_kwh=format_kwh(offer.left_mwh if offer.status == "active" else 0),
        price_per_kwh=format_grx(offer.price_micro_grx),
        created_at=iso(offer.created_at),
        expires_at=iso_or_none(offer.expires_at),
        tx_signature=offer.tx_signature,
    )


ORDERS = """
SELECT o.*, coalesce(u.name, o.seller_wallet) AS party_name,
       coalesce(u.user_type, 'prosumer') AS party_type
  FROM orders o LEFT JOIN users u ON u.wallet = o.seller_wallet
"""
OFFERS = """
SELECT o.*, coalesce(u.name, o.buyer_wallet) AS party_name,
       coalesce(u.user_type, 'consumer') AS party_type
  FROM offers o LEFT JOIN users u ON u.wallet = o.buyer_wallet
"""


def order_of(row: Any) -> Order:
    """Return a row of `ORDERS` as an order."""
    fields = dict(row)
    return Order(seller=_party(fields, "seller_wallet"), **fields)


def offer_of(row: Any) -> Offer:
    """Return a row of `OFFERS` as an offer."""
    fields = dict(row)
    return Offer(buyer=_party(fields, "buyer_wallet"), **fields)


def _party(fields: dict[str, Any], wallet: str) -> Party:
    return Party(
        wallet=fields.pop(wallet),
        name=fields.pop("party_name"),
        user_type=fields.pop("party_type"),
    )
