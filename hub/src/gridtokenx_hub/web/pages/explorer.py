"""The chain to look at: events, transactions and accounts, decoded by the programs' IDLs.

Events of the market are for everybody; the rest for who has signed in, as in the API.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from solders.pubkey import Pubkey
from solders.signature import Signature

from gridtokenx_hub.api.events.log import list_events, viewer_of
from gridtokenx_hub.api.explorer.explorer import show_account, show_transaction
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.web.rendering import Visited, page

EVENTS_SHOWN = 50

router = APIRouter()


@router.get("/explorer")
async def explorer(
    visit: Visited, cursor: Annotated[str | None, Query(max_length=400)] = None
) -> HTMLResponse:
    """The newest events."""
    viewer = viewer_of(visit.visitor, visit.context.addresses)
    shown = await list_events(visit.context.pool, viewer, None, None, EVENTS_SHOWN, cursor)
    return page(visit, "explorer.html", events=shown.events, following=shown.next)


@router.get("/explorer/find")
async def find(q: Annotated[str, Query(max_length=200)] = "") -> RedirectResponse:
    """Lead from what a visitor typed to its page: a signature, an address or a meter id."""
    wanted = q.strip()
    for kind, read in (("transactions", Signature.from_string), ("accounts", Pubkey.from_string)):
        try:
            return RedirectResponse(f"/explorer/{kind}/{read(wanted)}", 303)
        except ValueError:
            continue
    raise Problem(404, "NotFound", "that is neither a signature nor an address")


@router.get("/explorer/transactions/{signature}")
async def transaction(visit: Visited, signature: str) -> HTMLResponse:
    """One transaction with its instructions."""
    if visit.visitor is None:
        return page(visit, "sign_in_first.html", heading="explorer")
    try:
        wanted = str(Signature.from_string(signature))
    except ValueError:
        raise Problem(404, "NotFound", "no signature: 64 bytes in base58") from None
    found = await show_transaction(visit.context, wanted)
    return page(visit, "transaction.html", transaction=found)


@router.get("/explorer/accounts/{address}")
async def account(visit: Visited, address: str) -> HTMLResponse:
    """One account as it is now."""
    if visit.visitor is None:
        return page(visit, "sign_in_first.html", heading="explorer")
    try:
        wanted = str(Pubkey.from_string(address))
    except ValueError:
        raise Problem(404, "NotFound", "no address: 32 bytes in base58") from None
    found = await show_account(visit.context, wanted)
    return page(visit, "account.html", account=found)
