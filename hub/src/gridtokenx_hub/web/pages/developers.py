"""For people who integrate: a token, first calls that work as they stand, limits and errors."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.api.access.limits import BURST_S
from gridtokenx_hub.api.access.tokens import TOKENS_OF_A_USER, list_tokens
from gridtokenx_hub.api.http.middleware import MAX_BODY_BYTES
from gridtokenx_hub.api.http.pagination import MAX_LIMIT
from gridtokenx_hub.web.rendering import Visit, Visited, page

SNIPPETS = (
    ("first_call", ("first_call.sh", "first_call.py")),
    ("once", ("sell.py",)),
    ("stream", ("stream.py",)),
)
"""Headings, by their words, and the files under each."""

router = APIRouter()


@router.get("/developers")
async def developers(visit: Visited) -> HTMLResponse:
    """How to use the API; who has signed in as a household has its tokens here."""
    visitor = visit.visitor
    tokens = []
    if visitor is not None and visitor.user_id is not None:
        tokens = await list_tokens(
            visit.context.pool, visit.now, visitor.user_id, limit=TOKENS_OF_A_USER
        )
    words = visit.language.group("problem")
    return page(
        visit,
        "developers.html",
        hub=visit.context.settings.url,
        tokens=tokens,
        snippets=SNIPPETS,
        limits=_limits(visit),
        errors=sorted((name, text) for name, text in words.items() if name[0].isupper()),
    )


def _limits(visit: Visit) -> dict[str, int]:
    settings = visit.context.settings
    return {
        "requests_per_s": settings.requests_per_s,
        "burst": settings.requests_per_s * BURST_S,
        "transactions_per_minute": settings.transactions_per_minute,
        "body_bytes": MAX_BODY_BYTES,
        "page": MAX_LIMIT,
        "tokens": TOKENS_OF_A_USER,
    }
