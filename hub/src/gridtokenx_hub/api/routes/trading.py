"""What a user does in the market: sell, buy, look back."""

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.access.auth import Principal, forbidden
from gridtokenx_hub.api.baht.models import ReservedOrder
from gridtokenx_hub.api.baht.reservations import reserve_order
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.households.enrolment import wallet_of
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import Identifier
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import Problem, documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Caller, Context
from gridtokenx_hub.api.market import offers, orders, trades
from gridtokenx_hub.api.market.models import History
from gridtokenx_hub.api.market.trading_models import (
    AcceptedOffer,
    AcceptOffer,
    CancelledOffer,
    CancelledOrder,
    CancelOffer,
    CancelOrder,
    CreatedOffer,
    CreatedOrder,
    CreateOffer,
    CreateOrder,
    FilledOrder,
    MatchOrder,
)
from gridtokenx_hub.api.transactions.idempotency import Attempt, Repeatable, once
from gridtokenx_hub.api.transactions.signing import OFFERS

WRITES = {**OFFERS, **documented(400, 401, 403, 404, 409, 413, 422, 503)}

router = APIRouter(
    prefix="/api/trading",
    tags=["trading"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)


@router.post(
    "/orders/create",
    status_code=201,
    response_model=CreatedOrder,
    responses=WRITES,
)
async def create(
    request: Repeatable, context: Context, caller: Caller, body: CreateOrder
) -> Response:
    """Sell energy: the order goes on chain, and its energy into the order's escrow.

    Needs the token of the seller. Errors by the trading program's name: `InsufficientBalance`
    (409), `NotRegistered` (409), `MarketPaused` (409), `InvalidAmount`, `InvalidPrice`,
    `InvalidExpiry` (422).
    """
    await _require_own(context, caller, body.seller_wallet)
    answer = await once(
        context, request, caller, 201, lambda attempt: orders.create_order(context, attempt, body)
    )
    return answer.response()


@router.post(
    "/orders/match",
    response_model=FilledOrder | ReservedOrder,
    responses=WRITES,
)
async def match(
    request: Repeatable, context: Context, caller: Caller, body: MatchOrder
) -> Response:
    """Buy all that an order has left, or a part: energy and GRX change hands in one transaction.

    With `payment_method` THB it is reserved, and the answer is the hub's quote: it is paid for at
    the baht bridge until `pay_deadline`. Asked for again, an open reservation is answered again.
    Further errors then: `BahtNotOffered`, `NoGuardians`, `NoEvmAccount`, `StalePrice`,
    `ReservationOpen` (409, with `reservation_id` when the buyer has one of another order),
    `NoBahtSales` (503).

    Needs the token of the buyer. Errors by the trading program's name: `InvalidOrder` (404 when
    there is none, 409 when it is not for sale any more), `InsufficientBalance` (409),
    `AmountMismatch` (409), `SelfTradingNotAllowed` (422).
    """
    await _require_own(context, caller, body.buyer_wallet)

    async def work(attempt: Attempt) -> FilledOrder | ReservedOrder:
        if body.payment_method == "THB":
            return await reserve_order(context, attempt, body, caller.own_id())
        return await orders.match_order(context, attempt, body)

    return (await once(context, request, caller, 200, work)).response()


@router.post("/orders/cancel", response_model=CancelledOrder, responses=WRITES)
async def cancel(
    request: Repeatable, context: Context, caller: Caller, body: CancelOrder
) -> Response:
    """Take an order out of the book: what is neither sold nor reserved goes back to the seller.

    Needs the token of the seller. Errors by the trading program's name: `InvalidOrder` (404 when
    there is none, 409 when it is over), `Unauthorized` (403, another's order). A pause of the
    market does not stop it.
    """
    await _require_own(context, caller, body.seller_wallet)
    answer = await once(
        context, request, caller, 200, lambda attempt: orders.cancel_order(context, attempt, body)
    )
    return answer.response()


@router.post("/offers/create", status_code=201, response_model=CreatedOffer, responses=WRITES)
async def offer(
    request: Repeatable, context: Context, caller: Caller, body: CreateOffer
) -> Response:
    """Ask for energy at a price: the offer goes on chain, and its GRX into the offer's escrow.

    Needs the token of the buyer. Errors by the trading program's name: `InsufficientBalance`
    (409), `NotRegistered` (409), `MarketPaused` (409), `InvalidAmount`, `InvalidPrice`,
    `InvalidExpiry` (422).
    """
    await _require_own(context, caller, body.buyer_wallet)
    answer = await once(
        context, request, caller, 201, lambda attempt: offers.create_offer(context, attempt, body)
    )
    return answer.response()


@router.post("/offers/accept", response_model=AcceptedOffer, responses=WRITES)
async def accept(
    request: Repeatable, context: Context, caller: Caller, body: AcceptOffer
) -> Response:
    """Deliver all that an offer asks for, or a part: both change hands in one transaction.

    Needs the token of the seller. Errors by the trading program's name: `InvalidOrder` (404 when
    there is none, 409 when it is over), `InsufficientBalance` (409), `AmountMismatch` (409),
    `SelfTradingNotAllowed` (422).
    """
    await _require_own(context, caller, body.seller_wallet)
    answer = await once(
        context, request, caller, 200, lambda attempt: offers.accept_offer(context, attempt, body)
    )
    return answer.response()


@router.post("/offers/cancel", response_model=CancelledOffer, responses=WRITES)
async def cancel_offer(
    request: Repeatable, context: Context, caller: Caller, body: CancelOffer
) -> Response:
    """Take back an offer: the GRX that are left in escrow go back to the buyer.

    Needs the token of the buyer. Errors by the trading program's name: `InvalidOrder` (404 when
    there is none, 409 when it is over), `Unauthorized` (403, another's offer). A pause of the
    market does not stop it.
    """
    await _require_own(context, caller, body.buyer_wallet)
    answer = await once(
        context, request, caller, 200, lambda attempt: offers.cancel_offer(context, attempt, body)
    )
    return answer.response()


@router.get("/history", response_model=History, responses=documented(401, 403, 404, 422, 503))
async def history(
    context: Context,
    caller: Caller,
    user_id: Identifier,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """A user's trades, newest first; for that user or an operator."""
    caller.require_user(user_id)
    wallet = str(await wallet_of(context, user_id))
    page = await trades.history(context.pool, wallet, limit, cursor)
    return ExactJSONResponse(page.content())


async def _require_own(context: ApiContext, caller: Principal, wallet: str) -> None:
    """Check that the caller holds the token of this wallet's user; operators do not trade.

    Raises:
        Problem: 404, nobody's wallet; 403, another's.
    """
    if caller.wallet == wallet:
        return
    if not await context.pool.fetchval(
        "SELECT EXISTS (SELECT FROM users WHERE wallet = $1)", wallet
    ):
        raise Problem(404, "UnknownWallet", f"no user has wallet {wallet}")
    raise forbidden(f"this needs the token of the user who owns wallet {wallet}")
