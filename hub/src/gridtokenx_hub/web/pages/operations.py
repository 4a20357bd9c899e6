"""Operations: for the operator, whether all goes its way."""

from typing import Annotated, get_args

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse

from gridtokenx_hub.api.http.pagination import MAX_BIGINT, Cursor
from gridtokenx_hub.api.meters.models import SettlementStatus
from gridtokenx_hub.api.operating.operations import message, settlements_in
from gridtokenx_hub.api.operating.operations import quarantined as quarantine_page
from gridtokenx_hub.backup.journal import read_backup_state
from gridtokenx_hub.chain import ChainError
from gridtokenx_hub.oracle.state import read_oracle_state
from gridtokenx_hub.web.queries.operations import overview, quarantined, refused
from gridtokenx_hub.web.queries.watch import watch
from gridtokenx_hub.web.rendering import Visit, Visited, page

ROWS_SHOWN = 20
PAGE_ROWS = 50

router = APIRouter()


@router.get("/operations")
async def operations(visit: Visited) -> HTMLResponse:
    """Readiness, ingest, settlement, devices, quarantine, chain, database, backups, oracle."""
    if not _is_operator(visit):
        return page(visit, "sign_in_first.html", heading="operations")
    pool = visit.context.pool
    return page(
        visit,
        "operations.html",
        overview=await overview(pool, visit.now),
        watch=await watch(visit.context, visit.now, ROWS_SHOWN),
        slot=await _slot(visit),
        quarantine=await quarantined(pool, ROWS_SHOWN),
        oracle=await read_oracle_state(pool, visit.now),
        backups=await read_backup_state(pool, visit.now),
        refused=await refused(pool, ROWS_SHOWN),
    )


@router.get("/operations/quarantine")
async def quarantine(visit: Visited, cursor: Cursor = None) -> HTMLResponse:
    """All messages that ingest refused, by the page."""
    if not _is_operator(visit):
        return page(visit, "sign_in_first.html", heading="operations")
    found = await quarantine_page(visit.context.pool, PAGE_ROWS, cursor)
    return page(visit, "quarantine.html", messages=found.messages, following=found.next)


@router.get("/operations/quarantine/{number}")
async def quarantined_message(
    visit: Visited, number: Annotated[int, Path(ge=1, le=MAX_BIGINT)]
) -> HTMLResponse:
    """A message that was refused, with its bytes."""
    if not _is_operator(visit):
        return page(visit, "sign_in_first.html", heading="operations")
    return page(visit, "message.html", message=await message(visit.context.pool, number))


@router.get("/operations/settlements")
async def settlements(
    visit: Visited,
    status: Annotated[SettlementStatus, Query()] = "refused",
    cursor: Cursor = None,
) -> HTMLResponse:
    """Settlements in a state, with the chain's verdict on those that it refused."""
    if not _is_operator(visit):
        return page(visit, "sign_in_first.html", heading="operations")
    found = await settlements_in(visit.context.pool, status, PAGE_ROWS, cursor)
    return page(
        visit,
        "settlements.html",
        state=status,
        states=get_args(SettlementStatus),
        settlements=found.settlements,
        following=found.next,
    )


def _is_operator(visit: Visit) -> bool:
    return visit.visitor is not None and visit.visitor.role == "operator"


async def _slot(visit: Visit) -> int | None:
    """Return where the chain is, None when it does not answer."""
    try:
        return await visit.context.client.slot()
    except ChainError:
        return None
