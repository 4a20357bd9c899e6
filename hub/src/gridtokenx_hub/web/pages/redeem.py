"""Where a household uses up tokens against what its meters recorded as consumed."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from solders.pubkey import Pubkey

from gridtokenx_hub.web.queries.meters import meters_of
from gridtokenx_hub.web.queries.redemption import recorded, redemptions
from gridtokenx_hub.web.rendering import Visited, page

METERS_SHOWN = 100
REDEMPTIONS_SHOWN = 20

router = APIRouter()


@router.get("/redeem")
async def redeem(visit: Visited) -> HTMLResponse:
    """How much may be redeemed and why, the form that does it, and what was."""
    visitor = visit.visitor
    if visitor is None or visitor.wallet is None:
        return page(visit, "sign_in_first.html", heading="redeem")
    context, owner = visit.context, Pubkey.from_string(visitor.wallet)
    ids = [each.meter_id for each in await meters_of(context.pool, visitor.wallet, METERS_SHOWN)]
    energy = context.addresses.associated_token(owner, context.addresses.energy_mint())
    return page(
        visit,
        "redeem.html",
        holds_mwh=await context.client.token_balance(energy),
        meters=await recorded(context, ids),
        redemptions=await redemptions(context.pool, visitor.wallet, ids, REDEMPTIONS_SHOWN),
    )
