"""The order book and the orders as pages: rendered here, kept fresh by a small script."""

import datetime as dt

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from solders.pubkey import Pubkey
from starlette.staticfiles import StaticFiles

from gridtokenx_hub.api import market, trades
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.routing import Context
from gridtokenx_hub.api.search import Search, search_orders
from gridtokenx_hub.web.rendering import render

ORDERS_SHOWN = 100
TRADES_SHOWN = 10

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


def static_files() -> StaticFiles:
    """Return the application that serves style, script and icon."""
    return StaticFiles(packages=[("gridtokenx_hub.web", "static")])


@router.get("/")
async def home(context: Context) -> HTMLResponse:
    """The order book."""
    return await _book(context, "home.html")


@router.get("/book")
async def book(context: Context) -> HTMLResponse:
    """The part of the order book that changes; the script asks for it."""
    return await _book(context, "book.html")


@router.get("/orders/{order_id}")
async def order(context: Context, order_id: str) -> HTMLResponse:
    """One order with its addresses on chain."""
    found = await market.order(context.pool, order_id) if _is_address(order_id) else None
    if found is None:
        return HTMLResponse(render("missing.html", order_id=order_id), status_code=404)
    escrow = context.addresses.escrow(Pubkey.from_string(order_id))
    status = "expired" if _has_expired(found, context.clock()) else found.status
    return HTMLResponse(
        render(
            "order.html",
            order=found,
            escrow=escrow,
            status=status,
            trading=context.addresses.trading,
        )
    )


async def _book(context: ApiContext, template: str) -> HTMLResponse:
    now = context.clock()
    orders, _ = await search_orders(context.pool, now, Search(), ORDERS_SHOWN, None)
    return HTMLResponse(
        render(
            template,
            now=now,
            orders=orders,
            trades=await trades.recent_trades(context.pool, TRADES_SHOWN),
            totals=await market.totals(context.pool, now),
            deployment=context.deployment.deployment.hex(),
        )
    )


def _has_expired(order: market.Order, now: dt.datetime) -> bool:
    return order.status == "active" and order.expires_at is not None and order.expires_at <= now


def _is_address(text: str) -> bool:
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True
