"""Where a household sells energy, or offers to buy it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.api.households.enrolment import balances
from gridtokenx_hub.web.queries.rate import read_rate
from gridtokenx_hub.web.rendering import Visit, Visited, page

router = APIRouter()


@router.get("/sell")
async def sell(visit: Visited) -> HTMLResponse:
    """The form that puts an order into the book."""
    return await _form(visit, "sell.html")


@router.get("/offer")
async def offer(visit: Visited) -> HTMLResponse:
    """The form that offers GRX for energy."""
    return await _form(visit, "offer.html")


async def _form(visit: Visit, template: str) -> HTMLResponse:
    user_id = visit.visitor.user_id if visit.visitor else None
    if user_id is None:
        return page(visit, "sign_in_first.html", heading=template.removesuffix(".html"))
    return page(
        visit,
        template,
        holds=await balances(visit.context, user_id),
        rate=await read_rate(visit.context.pool),
    )
