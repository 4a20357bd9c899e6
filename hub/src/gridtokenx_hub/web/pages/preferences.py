"""The choice of a language, kept in a cookie."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse

from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.web.language import COOKIE, languages

YEAR_S = 365 * 86_400

router = APIRouter()


@router.get("/language/{code}")
async def language(
    code: str, back: Annotated[str, Query(max_length=2_000)] = "/"
) -> RedirectResponse:
    """Remember a language and go back to the page; to no other site."""
    if code not in languages():
        raise Problem(404, "NotFound", f"there is no language {code[:20]}")
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if is_ours else "/", 303)
    answer.set_cookie(COOKIE, code, max_age=YEAR_S, httponly=True, samesite="lax", path="/")
    return answer
