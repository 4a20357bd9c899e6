"""Meters, what they measured, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.security import HTTPBearer
from solders.pubkey import Pubkey

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.households.redemption import redeem
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import Instant
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Caller, Context, MeterId
from gridtokenx_hub.api.meters import readings
from gridtokenx_hub.api.meters.meters import View, list_meters, meter_details, view_of
from gridtokenx_hub.api.meters.models import (
    MeterDetails,
    MeterList,
    Periods,
    Readings,
    Redeem,
    Redeemed,
    Settlements,
)
from gridtokenx_hub.api.meters.readings import FOREVER, Span, Table
from gridtokenx_hub.api.transactions.idempotency import Repeatable, once
from gridtokenx_hub.api.transactions.signing import OFFERS

READ_ONE = documented(401, 403, 404, 422, 503)

router = APIRouter(
    prefix="/api/meters",
    tags=["meters"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)


async def _viewed(context: Context, caller: Caller, meter_id: MeterId) -> View:
    return await view_of(context, caller, meter_id)


Viewed = Annotated[View, Depends(_viewed)]
From = Annotated[Instant | None, Query(alias="from", description="left out: from the beginning")]
To = Annotated[Instant | None, Query(alias="to", description="up to here and not including it")]


def _asked(view: Viewed, begin: From = None, end: To = None) -> Span:
    """The time that is asked for, as far as the meter is the caller's."""
    return Span(max(begin or view.since, view.since), end or FOREVER)


Asked = Annotated[Span, Depends(_asked)]


@router.get("", response_model=MeterList, responses=documented(401, 403, 422, 503))
async def meters(
    context: Context, caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """A user's own meters; all of them for an operator."""
    caller.require("operator", "user")
    page = await list_meters(context, caller.wallet, limit, cursor)
    return ExactJSONResponse(page.content())


@router.get("/{meter_id}", response_model=MeterDetails, responses=READ_ONE)
async def meter(context: Context, view: Viewed) -> Response:
    """A meter with its health; for its owner or an operator."""
    return ExactJSONResponse((await meter_details(context, view)).content())


@router.get("/{meter_id}/readings", response_model=Readings, responses=READ_ONE)
async def raw(
    context: Context,
    view: Viewed,
    span: Asked,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """A meter's readings as its device signed them, newest first; raw ones are kept 90 days.

    For its owner, since it is theirs, or an operator.
    """
    page = await readings.raw_readings(context.pool, view.meter_id, span, limit, cursor)
    return ExactJSONResponse(page.content())


@router.get("/{meter_id}/quarter-hours", response_model=Periods, responses=READ_ONE)
async def quarter_hours(
    context: Context,
    view: Viewed,
    span: Asked,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """A meter's quarter-hours, newest first; kept two years.

    For its owner, since it is theirs, or an operator.
    """
    return await _periods(context, "quarter_hours", view, span, limit, cursor)


@router.get("/{meter_id}/days", response_model=Periods, responses=READ_ONE)
async def days(
    context: Context,
    view: Viewed,
    span: Asked,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """A meter's days (UTC), newest first.

    For its owner, since it is theirs, or an operator.
    """
    return await _periods(context, "days", view, span, limit, cursor)


@router.get("/{meter_id}/settlements", response_model=Settlements, responses=READ_ONE)
async def settlements(
    context: Context, view: Viewed, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """A meter's settlement readings and what the chain said of them, newest first.

    For its owner, since it is theirs, or an operator.
    """
    page = await readings.settlements_of_meter(
        context.pool, view.meter_id, view.since_ms, limit, cursor
    )
    return ExactJSONResponse(page.content())


@router.post(
    "/{meter_id}/redemption",
    status_code=201,
    response_model=Redeemed,
    responses={**OFFERS, **documented(400, 401, 403, 404, 409, 413, 422, 503)},
)
async def redemption(
    request: Repeatable, context: Context, caller: Caller, view: Viewed, body: Redeem
) -> Response:
    """Use up energy tokens against what the meter recorded as consumed beyond its production.

    Needs the token of the meter's owner. Errors by the program's name: `DeficitExceeded` (409),
    `InsufficientBalance` (409).
    """
    caller.require("user")
    owner = Pubkey.from_string(str(caller.wallet))
    answer = await once(
        context,
        request,
        caller,
        201,
        lambda attempt: redeem(context, attempt, owner, view.meter_id, body),
    )
    return answer.response()


async def _periods(
    context: ApiContext, table: Table, view: View, span: Span, limit: int, cursor: str | None
) -> Response:
    page = await readings.periods(context.pool, table, view.meter_id, span, limit, cursor)
    return ExactJSONResponse(page.content())
