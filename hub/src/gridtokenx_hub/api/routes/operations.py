"""What operators look into: settlements by their state, what ingest refused, and backups."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.pagination import DEFAULT_LIMIT, MAX_BIGINT, Cursor, Limit
from gridtokenx_hub.api.http.problems import documented
from gridtokenx_hub.api.http.routing import AuthenticatedRoute, Context, operator_of
from gridtokenx_hub.api.meters.models import Settlements, SettlementStatus
from gridtokenx_hub.api.operating import operations
from gridtokenx_hub.api.operating.models import (
    BackupList,
    QuarantinedMessage,
    QuarantineList,
)

LIST = documented(401, 403, 422, 503)

router = APIRouter(
    prefix="/api/operations",
    tags=["operations"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False)), Depends(operator_of)],
)


@router.get("/settlements", response_model=Settlements, responses=LIST)
async def settlements(
    context: Context,
    status: Annotated[SettlementStatus, Query()] = "refused",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Settlements of all meters in a state, newest first. Needs an operator's token.

    Without `status` those that the chain refused, with the program's own name for the reason.
    """
    page = await operations.settlements_in(context.pool, status, limit, cursor)
    return ExactJSONResponse(page.content())


@router.get("/quarantine", response_model=QuarantineList, responses=LIST)
async def quarantine(
    context: Context, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Messages that ingest refused, newest first. Needs an operator's token."""
    page = await operations.quarantined(context.pool, limit, cursor)
    return ExactJSONResponse(page.content())


@router.get(
    "/quarantine/{number}",
    response_model=QuarantinedMessage,
    responses=documented(401, 403, 404, 422, 503),
)
async def quarantined_message(
    context: Context, number: Annotated[int, Path(ge=1, le=MAX_BIGINT)]
) -> Response:
    """A refused message with its original bytes. Needs an operator's token."""
    return ExactJSONResponse((await operations.message(context.pool, number)).content())


@router.get("/backups", response_model=BackupList, responses=LIST)
async def backups(
    context: Context, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """When there was a backup, and what the last ones came to. Needs an operator's token.

    One that was killed has left no entry.
    """
    page = await operations.backups(context.pool, context.clock(), limit, cursor)
    return ExactJSONResponse(page.content())
