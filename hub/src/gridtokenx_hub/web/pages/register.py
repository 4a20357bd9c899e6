"""Where a household with a wallet of its own registers itself, if the operator allows it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.web.queries.people import person
from gridtokenx_hub.web.rendering import Visited, page

router = APIRouter()


@router.get("/register")
async def register(visit: Visited) -> HTMLResponse:
    """The form; who has signed in and is not on chain yet goes on from there."""
    visitor = visit.visitor
    is_registered = visitor is not None
    if visitor is not None and visitor.user_id is not None:
        found = await person(visit.context, visitor.user_id)
        is_registered = found is not None and found["registered_at"] is not None
    return page(
        visit,
        "register.html",
        is_registered=is_registered,
        is_allowed=visit.context.settings.registrations_per_day > 0,
    )
