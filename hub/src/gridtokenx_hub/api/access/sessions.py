"""Sessions of the pages: a token in a cookie that no script can read.

A page signs in with `POST /api/sessions` and a bearer token in the `Authorization` header: one that
was made for somebody, or the short-lived one of a wallet's sign-in. From then on the browser sends
the cookie, and every route of the API takes it in a token's place. Nothing else is needed on a
page: `fetch("/api/…")` from the hub's own origin carries it.

The cookie is HttpOnly, SameSite=Lax, and Secure under TLS. Against other sites' forms and scripts,
a request by cookie that changes something must also carry an `Origin` of the hub's own, which every
browser sends. A session ends after 12 h, with its token, or by `DELETE /api/sessions/current`.

A page that is rendered on the server asks for `Visitor` (in `routing`): the session's holder, or
None.
"""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request, Response

from gridtokenx_hub.api.access.auth import Principal, create_token
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem

COOKIE = "gtx_session"
LIFE = dt.timedelta(hours=12)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session: what the cookie holds, and when it ends."""

    text: str
    expires_at: dt.datetime


async def open_session(context: ApiContext, caller: Principal) -> OpenedSession:
    """Make a session of the caller.

    Raises:
        Problem: 409, the caller has one already.
    """
    if caller.is_session:
        raise Problem(409, "AlreadySignedIn", "this is a session: send a token in the header")
    now = context.clock()
    expires_at = now + LIFE
    if caller.expires_at is not None:
        expires_at = min(expires_at, caller.expires_at)
    text = await create_token(
        context.pool,
        caller.role,
        caller.user_id,
        expires_at,
        label="session",
        parent_id=caller.token_id,
    )
    return OpenedSession(text, expires_at)


def keep_session(context: ApiContext, response: Response, session: OpenedSession) -> None:
    """Have the browser keep the cookie."""
    response.set_cookie(
        cookie_name(context),
        session.text,
        expires=session.expires_at,
        path="/",
        secure=_is_secure(context),
        httponly=True,
        samesite="lax",
    )


def forget_session(context: ApiContext, response: Response) -> None:
    """Have the browser drop its cookie."""
    response.delete_cookie(
        cookie_name(context),
        path="/",
        secure=_is_secure(context),
        httponly=True,
        samesite="lax",
    )


def cookie_name(context: ApiContext) -> str:
    """Return the cookie's name; under TLS no other host can set one of this name (RFC 6265bis)."""
    return f"__Host-{COOKIE}" if _is_secure(context) else COOKIE


def check_origin(request: Request) -> None:
    """Check that a request by cookie that changes something comes from the hub's own pages.

    Raises:
        Problem: 403, it does not, or does not say.
    """
    if request.method in SAFE_METHODS:
        return
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if not origin or origin != request.headers.get("host"):
        raise Problem(
            403, "ForeignOrigin", "a session is for the hub's own pages: elsewhere send a token"
        )


def _is_secure(context: ApiContext) -> bool:
    return context.settings.url.startswith("https://")
