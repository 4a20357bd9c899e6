"""Operations: for the operator, whether all goes its way."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.chain import ChainError
from gridtokenx_hub.oracle.state import read_oracle_state
from gridtokenx_hub.web.queries.operations import overview, quarantined, refused
from gridtokenx_hub.web.rendering import Visit, Visited, page

ROWS_SHOWN = 20

router = APIRouter()


@router.get("/operations")
async def operations(visit: Visited) -> HTMLResponse:
    """Ingest, settlement, index, quarantine, chain, database and price oracle."""
    if visit.visitor is None or visit.visitor.role != "operator":
        return page(visit, "sign_in_first.html", heading="operations")
    pool = visit.context.pool
    return page(
        visit,
        "operations.html",
        overview=await overview(pool, visit.now),
        slot=await _slot(visit),
        quarantine=await quarantined(pool, ROWS_SHOWN),
        oracle=await read_oracle_state(pool, visit.now),
        refused=await refused(pool, ROWS_SHOWN),
    )


async def _slot(visit: Visit) -> int | None:
    """Return where the chain is, None when it does not answer."""
    try:
        return await visit.context.client.slot()
    except ChainError:
        return None
