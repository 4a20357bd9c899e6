"""The price oracle for operators."""

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Context, Operator, operator_of
from gridtokenx_hub.api.operating import oracle
from gridtokenx_hub.api.operating.oracle_models import (
    ManualRateShown,
    OracleRounds,
    OracleState,
    SetManualRate,
)
from gridtokenx_hub.api.transactions.idempotency import Attempt, Repeatable, once

router = APIRouter(
    prefix="/api/operations/oracle",
    tags=["operations"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False)), Depends(operator_of)],
)


@router.get("", response_model=OracleState, responses=documented(401, 403, 503))
async def state(context: Context) -> Response:
    """Where the rate of GRX in baht stands. Needs an operator's token."""
    found = await oracle.oracle_state(context.pool, context.clock())
    return ExactJSONResponse(found.content())


@router.get("/rounds", response_model=OracleRounds, responses=documented(401, 403, 422, 503))
async def rounds(context: Context, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """What the oracle was told and posted, newest first. Needs an operator's token."""
    page = await oracle.oracle_rounds(context.pool, limit, cursor)
    return ExactJSONResponse(page.content())


@router.post(
    "/manual-rate",
    status_code=201,
    response_model=ManualRateShown,
    responses=documented(400, 401, 403, 409, 413, 422, 503),
)
async def set_rate(
    request: Repeatable, context: Context, caller: Operator, body: SetManualRate
) -> Response:
    """Set a rate for when the sources do not do, or to confirm a jump. Needs an operator's token.

    It is posted from the next round on, as long as too few sources tell a rate or their median
    differs too much from the rate on chain; it may differ itself. The one before ends.
    """

    async def work(_attempt: Attempt) -> ManualRateShown:
        return await oracle.put_in_force(context, caller, body)

    return (await once(context, request, caller, 201, work)).response()


@router.delete("/manual-rate", status_code=204, responses=documented(401, 403, 404, 503))
async def revoke_rate(context: Context, caller: Operator) -> Response:
    """End the rate that an operator set. Needs an operator's token."""
    await oracle.end_manual_rate(context, caller)
    return Response(status_code=204)
