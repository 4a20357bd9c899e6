"""Where a visitor signs in."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.web.rendering import Visited, page

router = APIRouter()


@router.get("/sign-in")
async def sign_in(visit: Visited) -> HTMLResponse:
    """The form for a token; who is signed in already is told so."""
    return page(
        visit, "sign_in.html", may_register=visit.context.settings.registrations_per_day > 0
    )
