"""Who visits a page."""

import datetime as dt

from fastapi import Request

from gridtokenx_hub.api.auth import Principal, authenticate
from gridtokenx_hub.api.problems import Problem
from gridtokenx_hub.api.routing import context_of


async def visitor_of(request: Request, now: dt.datetime) -> Principal | None:
    """Return who asks for a page, None for a stranger: also for one whose token has ended."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        return None
    try:
        return await authenticate(context_of(request).pool, authorization, now)
    except Problem:
        return None
