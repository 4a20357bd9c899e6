"""The book as the pages show it, and what of it is a user's own."""

import datetime as dt

import asyncpg

from gridtokenx_hub.api.market.market import OFFERS, ORDERS, Offer, Order, offer_of, order_of


async def active_offers(pool: asyncpg.Pool, now: dt.datetime, limit: int) -> list[Offer]:
    """Return the offers to buy: highest price first, then first come."""
    rows = await pool.fetch(
        OFFERS + " WHERE o.status = 'active' AND (o.expires_at IS NULL OR o.expires_at > $1)"
        " ORDER BY o.price_micro_grx DESC, o.number LIMIT $2",
        now,
        limit,
    )
    return [offer_of(row) for row in rows]


async def own_orders(pool: asyncpg.Pool, wallet: str, limit: int) -> list[Order]:
    """Return a seller's orders of every status, newest first."""
    rows = await pool.fetch(
        ORDERS + " WHERE o.seller_wallet = $1 ORDER BY o.number DESC LIMIT $2", wallet, limit
    )
    return [order_of(row) for row in rows]


async def own_offers(pool: asyncpg.Pool, wallet: str, limit: int) -> list[Offer]:
    """Return a buyer's offers of every status, newest first."""
    rows = await pool.fetch(
        OFFERS + " WHERE o.buyer_wallet = $1 ORDER BY o.number DESC LIMIT $2", wallet, limit
    )
    return [offer_of(row) for row in rows]
