"""What a user has: their orders, offers and settlements. For that user or an operator."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.households.enrolment import wallet_of
from gridtokenx_hub.api.households.models import UserDetails, UserList
from gridtokenx_hub.api.households.users import list_users, user_details
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import Identifier
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Caller, Context, Operator
from gridtokenx_hub.api.market import listings
from gridtokenx_hub.api.market.models import OfferList, OrderList
from gridtokenx_hub.api.meters import readings
from gridtokenx_hub.api.meters.models import Settlements

OWN = documented(401, 403, 404, 422, 503)

router = APIRouter(
    prefix="/api/users",
    tags=["users"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)


async def _wallet(context: Context, caller: Caller, user_id: Identifier) -> str:
    caller.require_user(user_id)
    return str(await wallet_of(context, user_id))


Wallet = Annotated[str, Depends(_wallet)]


@router.get("", response_model=UserList, responses=documented(401, 403, 422, 503))
async def users(
    context: Context, _caller: Operator, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """All users. Needs an operator's token."""
    return ExactJSONResponse((await list_users(context.pool, limit, cursor)).content())


@router.get("/{user_id}", response_model=UserDetails, responses=OWN)
async def user(context: Context, caller: Caller, user_id: Identifier) -> Response:
    """A user; for that user or an operator."""
    caller.require_user(user_id)
    return ExactJSONResponse((await user_details(context.pool, user_id)).content())


@router.get("/{user_id}/orders", response_model=OrderList, responses=OWN)
async def orders(
    context: Context, wallet: Wallet, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """A user's orders of every status, newest first; for that user or an operator."""
    return ExactJSONResponse((await listings.orders_of(context, wallet, limit, cursor)).content())


@router.get("/{user_id}/offers", response_model=OfferList, responses=OWN)
async def offers(
    context: Context, wallet: Wallet, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """A user's offers of every status, newest first; for that user or an operator."""
    return ExactJSONResponse((await listings.offers_of(context, wallet, limit, cursor)).content())


@router.get("/{user_id}/settlements", response_model=Settlements, responses=OWN)
async def settlements(
    context: Context, wallet: Wallet, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """The settlements of a user's meters, newest first; for that user or an operator."""
    page = await readings.settlements_of_owner(context.pool, wallet, limit, cursor)
    return ExactJSONResponse(page.content())
