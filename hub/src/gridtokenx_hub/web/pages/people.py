"""The operator's people: households, tokens, and installers' codes."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse

from gridtokenx_hub.api.access.tokens import list_tokens
from gridtokenx_hub.api.households.enrolment import balances
from gridtokenx_hub.api.http.pagination import MAX_BIGINT, Cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.provisioning.issuing import listed
from gridtokenx_hub.provisioning.store import codes_for, list_codes
from gridtokenx_hub.web.queries.meters import meters_of
from gridtokenx_hub.web.queries.people import (
    people,
    person,
    staff_tokens,
    wrong_codes,
)
from gridtokenx_hub.web.rendering import Visit, Visited, page

PEOPLE_SHOWN = 50
TOKENS_SHOWN = 100
METERS_SHOWN = 100
CODES_SHOWN = 50
LONGEST_SEARCH = 100

router = APIRouter()


@router.get("/people")
async def everybody(
    visit: Visited,
    q: Annotated[str, Query(max_length=LONGEST_SEARCH)] = "",
    cursor: Cursor = None,
    codes_cursor: Cursor = None,
) -> HTMLResponse:
    """All users or those who are searched for, and all codes; of both lists a page."""
    if not _is_operator(visit):
        return page(visit, "sign_in_first.html", heading="people")
    context, search = visit.context, q.replace("\0", "").strip()
    found, following = await people(context, search, PEOPLE_SHOWN, cursor)
    codes, following_codes = await list_codes(context, CODES_SHOWN, codes_cursor)
    return page(
        visit,
        "people.html",
        search=search,
        cursor=cursor,
        people=found,
        following=following,
        tokens=await staff_tokens(context, visit.now, TOKENS_SHOWN),
        codes=[listed(code, visit.now) for code in codes],
        following_codes=following_codes,
        wrong_codes=wrong_codes(context, visit.now),
    )


@router.get("/people/{user_id}")
async def one(visit: Visited, user_id: Annotated[int, Path(ge=1, le=MAX_BIGINT)]) -> HTMLResponse:
    """A user with meters, tokens and codes."""
    if not _is_operator(visit):
        return page(visit, "sign_in_first.html", heading="people")
    context = visit.context
    found = await person(context, user_id)
    if found is None:
        raise Problem(404, "UnknownUser", f"there is no user {user_id}")
    return page(
        visit,
        "person.html",
        person=found,
        holds=await balances(context, user_id),
        meters=await meters_of(context.pool, found["wallet"], METERS_SHOWN),
        tokens=await list_tokens(context.pool, visit.now, user_id, limit=TOKENS_SHOWN),
        codes=[listed(code, visit.now) for code in await codes_for(context, user_id, CODES_SHOWN)],
    )


def _is_operator(visit: Visit) -> bool:
    return visit.visitor is not None and visit.visitor.role == "operator"
