"""Operators issue, list and withdraw codes; operators and owners revoke meters."""

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.fields import Identifier
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, Cursor, Limit
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Caller, Context, MeterId, Operator
from gridtokenx_hub.api.transactions.idempotency import Repeatable, once
from gridtokenx_hub.provisioning.issuing import issue_code, listed
from gridtokenx_hub.provisioning.operator_models import (
    CodeList,
    IssueCode,
    IssuedCode,
    RevokedMeter,
    RevokeMeter,
)
from gridtokenx_hub.provisioning.revocation import revoke_meter
from gridtokenx_hub.provisioning.store import list_codes, withdraw_code

private = APIRouter(
    prefix="/api",
    tags=["provisioning"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False))],
)


@private.post(
    "/provisioning/codes",
    status_code=201,
    response_model=IssuedCode,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def issue(context: Context, caller: Operator, body: IssueCode) -> Response:
    """Issue a one-time code; it is shown this once. Needs an operator's token."""
    issued = await issue_code(context, caller, body)
    return ExactJSONResponse(issued.content(), 201)


@private.get(
    "/provisioning/codes",
    response_model=CodeList,
    responses=documented(401, 403, 422, 503),
)
async def codes(
    context: Context, _caller: Operator, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """All codes and where each stands, the newest first. Needs an operator's token."""
    now = context.clock()
    found, following = await list_codes(context, limit, cursor)
    page = CodeList(codes=[listed(code, now) for code in found], next=following)
    return ExactJSONResponse(page.content())


@private.delete(
    "/provisioning/codes/{code_id}",
    status_code=204,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def withdraw(context: Context, _caller: Operator, code_id: Identifier) -> Response:
    """Withdraw a code that is not carried out. Needs an operator's token."""
    await withdraw_code(context, code_id)
    return Response(status_code=204)


@private.post(
    "/meters/{meter_id}/revocation",
    status_code=201,
    response_model=RevokedMeter,
    responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
)
async def revoke(
    request: Repeatable, context: Context, caller: Caller, meter_id: MeterId, body: RevokeMeter
) -> Response:
    """Revoke a meter for ever: stolen or decommissioned. For an operator or its owner.

    Chain, hub and broker refuse it from then on, and its live session ends. Repeating it answers
    the same.
    """
    answer = await once(
        context,
        request,
        caller,
        201,
        lambda attempt: revoke_meter(context, attempt, caller, meter_id, body.reason),
    )
    return answer.response()
