"""Errors where a page was asked for: in plain words, with what to do."""

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from gridtokenx_hub.api.http.problems import answer_problem, as_problem
from gridtokenx_hub.api.http.routing import context_of
from gridtokenx_hub.web.rendering import HEADERS, Visit, language_of, render


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer an exception: programs get a problem document, people a page (a Starlette handler)."""
    problem = as_problem(error)
    wants_page = "text/html" in request.headers.get("accept", "")
    if problem is None or not wants_page or request.url.path.startswith("/api/"):
        return await answer_problem(request, error)
    visit = Visit(
        context_of(request),
        language_of(request),
        None,
        request.url.path,
        context_of(request).clock(),
    )
    known = "NotFound" if problem.status_code == 404 else problem.error
    words = known if f"problem.{known}" in visit.language.words else "other"
    body = render(visit, "error.html", words=words, detail=problem.detail)
    return HTMLResponse(body, problem.status_code, HEADERS | dict(problem.headers or {}))
