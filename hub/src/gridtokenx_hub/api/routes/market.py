"""The market for everybody: the book, orders, offers, trades, statistics, price. No token.

One may be sent, and shows names (decision 0041).
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.access.names import check_search, order_for
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import Address, Name, QueryGrx, QueryKwh
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import Context, known_caller
from gridtokenx_hub.api.market import listings, market, statistics, trades
from gridtokenx_hub.api.market.models import (
    MarketPrice,
    MarketTrades,
    OfferBook,
    OfferDetails,
    OrderBook,
    OrderDetails,
    Statistics,
)
from gridtokenx_hub.api.market.search import Search, Sort, search_orders

LISTED = documented(422, 503)
NAMED = documented(401, 403, 422, 503)
DETAILED = documented(401, 403, 404, 422, 503)
Viewer = Annotated[Principal | None, Depends(known_caller)]
"""Who calls, None for a stranger."""
OPTIONAL_TOKEN = [Depends(HTTPBearer(auto_error=False))]

router = APIRouter(prefix="/api/trading", tags=["market"])


@router.get(
    "/orders/active", response_model=OrderBook, responses=NAMED, dependencies=OPTIONAL_TOKEN
)
async def active(
    context: Context, viewer: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """The order book: what each order has left, best price first.

    Strangers read a short form of the wallet in the name's place.
    """
    return await _found(context, viewer, Search(), limit, cursor)


@router.get("/orders", response_model=OrderBook, responses=NAMED, dependencies=OPTIONAL_TOKEN)
async def search(
    context: Context,
    viewer: Viewer,
    sort: Annotated[Sort, Query(description="with a minus: downwards")] = "price",
    min_price: Annotated[QueryGrx | None, Query()] = None,
    max_price: Annotated[QueryGrx | None, Query()] = None,
    min_kwh: Annotated[QueryKwh | None, Query(description="left, at least")] = None,
    max_kwh: Annotated[QueryKwh | None, Query(description="left, at most")] = None,
    seller: Annotated[
        Name | None,
        Query(description="how the seller's name begins, in any case; for who has signed in"),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """The order book, narrowed down and sorted. Keep all parameters from page to page."""
    check_search(viewer, seller)
    wanted = Search(sort, min_price, max_price, min_kwh, max_kwh, seller)
    return await _found(context, viewer, wanted, limit, cursor)


@router.get(
    "/orders/{order_id}",
    response_model=OrderDetails,
    responses=DETAILED,
    dependencies=OPTIONAL_TOKEN,
)
async def order(context: Context, viewer: Viewer, order_id: Address) -> Response:
    """An order of any status, with its parts that were sold or are reserved."""
    return ExactJSONResponse((await listings.order_details(context, viewer, order_id)).content())


@router.get(
    "/offers/active", response_model=OfferBook, responses=NAMED, dependencies=OPTIONAL_TOKEN
)
async def offers(
    context: Context, viewer: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """The offers to buy: what each still asks for, highest price first."""
    return ExactJSONResponse(
        (await listings.active_offers(context, viewer, limit, cursor)).content()
    )


@router.get(
    "/offers/{offer_id}",
    response_model=OfferDetails,
    responses=DETAILED,
    dependencies=OPTIONAL_TOKEN,
)
async def offer(context: Context, viewer: Viewer, offer_id: Address) -> Response:
    """An offer of any status, with its parts that were delivered."""
    return ExactJSONResponse((await listings.offer_details(context, viewer, offer_id)).content())


@router.get("/trades", response_model=MarketTrades, responses=LISTED)
async def market_trades(
    context: Context,
    order_id: Annotated[Address | None, Query(description="of this order or offer alone")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """All trades, newest first."""
    page = await trades.market_trades(context.pool, order_id, limit, cursor)
    return ExactJSONResponse(page.content())


@router.get("/statistics", response_model=Statistics, responses=documented(503))
async def figures(context: Context) -> Response:
    """Best and last price; volume, range, average size and match rate of three spans of time.

    At most a second old.
    """
    now = context.clock()
    made = await context.statistics.get(now, lambda: statistics.read_statistics(context.pool, now))
    return ExactJSONResponse(made.content())


@router.get("/price", response_model=MarketPrice, responses=documented(503))
async def price(context: Context) -> Response:
    """What a kWh costs in GRX, and in baht at the rate of the on-chain price feed.

    `stale` while the feed has no rate of the last five minutes; at most a second old.
    """
    now = context.clock()
    made = await context.price.get(now, lambda: statistics.read_price(context.pool, now))
    return ExactJSONResponse(made.content())


async def _found(
    context: ApiContext, viewer: Principal | None, wanted: Search, limit: int, cursor: str | None
) -> Response:
    orders, following = await search_orders(context.pool, context.clock(), wanted, limit, cursor)
    book = OrderBook(
        orders=[market.shown(order_for(viewer, order)) for order in orders], next=following
    )
    return ExactJSONResponse(book.content())
