"""Orders and offers: all about one, a user's own, and the buyers' side of the book."""

import datetime as dt

from solders.pubkey import Pubkey

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.access.names import offer_for, order_for
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market import market
from gridtokenx_hub.api.market.market import iso, iso_or_none
from gridtokenx_hub.api.market.models import (
    OfferBook,
    OfferDetails,
    OfferList,
    OrderDetails,
    OrderList,
    ReservedPart,
)
from gridtokenx_hub.api.market.trades import NEWEST, fills
from gridtokenx_programs import BadDataError
from gridtokenx_protocol.units import format_grx, format_kwh

SHOWN = 100
RESERVATIONS = """
SELECT * FROM reservations WHERE order_id = $1 ORDER BY pay_deadline DESC, reservation_id LIMIT $2
"""


async def order_details(
    context: ApiContext, viewer: Principal | None, order_id: str
) -> OrderDetails:
    """Return all about an order, as a caller sees it.

    Raises:
        Problem: 404, there is no such order.
    """
    order = await market.order(context.pool, order_id)
    if order is None:
        raise Problem(404, "InvalidOrder", f"there is no order {order_id}")
    summary = market.order_summary(order)
    return OrderDetails(
        **dict(summary),
        number=order.number,
        seller=order_for(viewer, order).seller,
        remaining_price_grx=format_grx(order.left_micro_grx if summary.remaining_kwh else 0),
        filled_at=iso_or_none(order.filled_at),
        closed_at=iso_or_none(order.closed_at),
        escrow=_escrow(context, order_id),
        rent_payer=await _rent_payer(context, "Order", order_id, order.closed_at),
        fills=await fills(context.pool, order_id, "buyer_wallet", SHOWN),
        reservations=await _reservations(context, order_id),
    )


async def offer_details(
    context: ApiContext, viewer: Principal | None, offer_id: str
) -> OfferDetails:
    """Return all about an offer, as a caller sees it.

    Raises:
        Problem: 404, there is no such offer.
    """
    offer = await market.offer(context.pool, offer_id)
    if offer is None:
        raise Problem(404, "InvalidOrder", f"there is no offer {offer_id}")
    summary = market.offer_summary(offer)
    return OfferDetails(
        **dict(summary),
        number=offer.number,
        buyer=offer_for(viewer, offer).buyer,
        remaining_price_grx=format_grx(offer.left_micro_grx if summary.remaining_kwh else 0),
        closed_at=iso_or_none(offer.closed_at),
        escrow=_escrow(context, offer_id),
        rent_payer=await _rent_payer(context, "Offer", offer_id, offer.closed_at),
        fills=await fills(context.pool, offer_id, "seller_wallet", SHOWN),
    )


async def active_offers(
    context: ApiContext, viewer: Principal | None, limit: int, cursor: str | None
) -> OfferBook:
    """Return a page of the offers that can be accepted: highest price first, then first come.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    price, number = read_cursor("offers", cursor, int, int) or (NEWEST, 0)
    rows = await context.pool.fetch(
        market.OFFERS + " WHERE o.status = 'active' AND (o.expires_at IS NULL OR o.expires_at > $1)"
        " AND o.price_micro_grx <= $2 AND (o.price_micro_grx < $2 OR o.number > $3)"
        " ORDER BY o.price_micro_grx DESC, o.number LIMIT $4",
        context.clock(),
        price,
        number,
        limit + 1,
    )
    offers = [market.offer_of(row) for row in rows]
    page, following = page_of(offers, limit, "offers", lambda o: (o.price_micro_grx, o.number))
    return OfferBook(
        offers=[market.shown_offer(offer_for(viewer, each)) for each in page], next=following
    )


async def orders_of(context: ApiContext, wallet: str, limit: int, cursor: str | None) -> OrderList:
    """Return a page of a seller's orders of every status, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor("own orders", cursor, int) or (NEWEST,)
    rows = await context.pool.fetch(
        market.ORDERS + " WHERE o.seller_wallet = $1 AND o.number < $2"
        " ORDER BY o.number DESC LIMIT $3",
        wallet,
        before,
        limit + 1,
    )
    orders = [market.order_of(row) for row in rows]
    page, following = page_of(orders, limit, "own orders", lambda order: (order.number,))
    return OrderList(orders=[market.order_summary(each) for each in page], next=following)


async def offers_of(context: ApiContext, wallet: str, limit: int, cursor: str | None) -> OfferList:
    """Return a page of a buyer's offers of every status, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor("own offers", cursor, int) or (NEWEST,)
    rows = await context.pool.fetch(
        market.OFFERS + " WHERE o.buyer_wallet = $1 AND o.number < $2"
        " ORDER BY o.number DESC LIMIT $3",
        wallet,
        before,
        limit + 1,
    )
    offers = [market.offer_of(row) for row in rows]
    page, following = page_of(offers, limit, "own offers", lambda offer: (offer.number,))
    return OfferList(offers=[market.offer_summary(each) for each in page], next=following)


async def _reservations(context: ApiContext, order_id: str) -> list[ReservedPart]:
    return [
        ReservedPart(
            reservation_id=row["reservation_id"],
            buyer_wallet=row["buyer_wallet"],
            amount_kwh=format_kwh(row["amount_mwh"]),
            total_grx=format_grx(row["micro_grx"]),
            total_thb=format_grx(row["micro_thbc"]),
            status=row["status"],
            pay_deadline=iso(row["pay_deadline"]),
            hold_until=iso(row["hold_until"]),
        )
        for row in await context.pool.fetch(RESERVATIONS, order_id, SHOWN)
    ]


def _escrow(context: ApiContext, entry: str) -> str:
    return str(context.addresses.escrow(Pubkey.from_string(entry)))


async def _rent_payer(
    context: ApiContext, kind: str, entry: str, closed_at: dt.datetime | None
) -> str | None:
    """Ask the chain who paid for an order's or offer's accounts; None when they are gone."""
    if closed_at is not None:
        return None
    account = await context.client.account(Pubkey.from_string(entry))
    if account is None:
        return None
    try:
        fields = context.programs["trading"].decode_account(kind, account.data)
    except BadDataError:  # closed, and somebody else's account is there now
        return None
    return str(fields["rent_payer"])
