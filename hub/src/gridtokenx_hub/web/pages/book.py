"""The order book, and an order by itself."""

import datetime as dt
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from solders.pubkey import Pubkey

from gridtokenx_hub.api.access.names import offer_for, order_for, trade_for
from gridtokenx_hub.api.baht.payments import Purchase, purchases_of_order
from gridtokenx_hub.api.market import market
from gridtokenx_hub.api.market.search import Search, search_orders
from gridtokenx_hub.api.market.trades import recent_trades
from gridtokenx_hub.web.queries.book import active_offers
from gridtokenx_hub.web.queries.rate import read_rate
from gridtokenx_hub.web.rendering import Visit, Visited, page

ORDERS_SHOWN = 100
OFFERS_SHOWN = 20
TRADES_SHOWN = 10

router = APIRouter()


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A way to pay for an order; its words are `pay.NAME`, its script a function in buy.js.

    `in_baht` ones are offered where the hub has a bridge; what `needs_wallet` is hidden until the
    browser has a wallet for the EVM.
    """

    name: str
    in_baht: bool = False
    needs_wallet: bool = False


PAYMENT_METHODS = (
    PaymentMethod("grx"),
    PaymentMethod("thb", in_baht=True),
    PaymentMethod("own_thb", in_baht=True, needs_wallet=True),
)


def _methods(visit: Visit) -> list[PaymentMethod]:
    has_bridge = visit.context.bridge is not None
    return [method for method in PAYMENT_METHODS if has_bridge or not method.in_baht]


@router.get("/")
async def home(visit: Visited) -> HTMLResponse:
    """The order book."""
    pool, now, visitor = visit.context.pool, visit.now, visit.visitor
    orders, _ = await search_orders(pool, now, Search(), ORDERS_SHOWN, None)
    return page(
        visit,
        "book.html",
        orders=[order_for(visitor, each) for each in orders],
        offers=[offer_for(visitor, each) for each in await active_offers(pool, now, OFFERS_SHOWN)],
        trades=[trade_for(visitor, each) for each in await recent_trades(pool, TRADES_SHOWN)],
        totals=await market.totals(pool, now),
        rate=await read_rate(pool),
        payment_methods=_methods(visit),
        deployment=visit.context.deployment.deployment.hex(),
    )


@router.get("/orders/{order_id}")
async def order(visit: Visited, order_id: str) -> HTMLResponse:
    """One order with its addresses on chain."""
    context = visit.context
    found = await market.order(context.pool, order_id) if _is_address(order_id) else None
    if found is None:
        return page(visit, "no_order.html", 404, order_id=order_id)
    return page(
        visit,
        "order.html",
        order=order_for(visit.visitor, found),
        escrow=context.addresses.escrow(Pubkey.from_string(order_id)),
        state="expired" if _has_expired(found, visit.now) else found.status,
        trading=context.addresses.trading,
        rate=await read_rate(context.pool),
        payment_methods=_methods(visit),
        purchases=await _purchases(visit, order_id),
    )


async def _purchases(visit: Visit, order_id: str) -> list[Purchase]:
    """Return what the visitor has bought of an order for baht."""
    if visit.visitor is None or visit.visitor.user_id is None:
        return []
    return await purchases_of_order(visit.context.pool, visit.visitor.user_id, order_id, visit.now)


def _has_expired(order: market.Order, now: dt.datetime) -> bool:
    return order.status == "active" and order.expires_at is not None and order.expires_at <= now


def _is_address(text: str) -> bool:
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True
