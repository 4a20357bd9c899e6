"""Routes that read exact JSON, and ones that know their caller before they read anything."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute

from gridtokenx_hub.api.access.auth import Principal, forbidden
from gridtokenx_hub.api.access.sessions import check_origin, cookie_name
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.exact_json import loads
from gridtokenx_hub.api.http.problems import Problem

METRICS_PATH = "/metrics"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ExactRequest(Request):
    """A request whose JSON is read without a float in between."""

    async def json(self) -> Any:
        """Parse the body.

        Raises:
            Problem: 400, the body is not JSON.
        """
        try:
            return loads(await self.body())
        except ValueError as error:
            raise Problem(400, "InvalidJson", f"the body is not JSON: {error}") from None


class PublicRoute(APIRoute):
    """Reads exact JSON from anybody."""

    def get_route_handler(self) -> Handler:
        """Return the handler that reads exact JSON."""
        handler = super().get_route_handler()

        async def exact(request: Request) -> Response:
            return await handler(ExactRequest(request.scope, request.receive))

        return exact


class AuthenticatedRoute(APIRoute):
    """Finds out who calls before the body is read: a stranger's body is never parsed."""

    def get_route_handler(self) -> Handler:
        """Return the handler that authenticates first."""
        handler = super().get_route_handler()

        async def authenticated(request: Request) -> Response:
            request.state.principal = await identify(request)
            return await handler(ExactRequest(request.scope, request.receive))

        return authenticated


async def identify(request: Request) -> Principal:
    """Return who calls, by the token in the header or the session's cookie.

    Raises:
        Problem: 401, nobody who is known; 403, a session of another site's page.
    """
    try:
        principal = await _authenticated(request)
    except Problem:
        context_of(request).limits.request(None, caller_address(request))
        raise
    return _admitted(request, principal)


async def _authenticated(request: Request) -> Principal:
    context = context_of(request)
    authorization = request.headers.get("authorization")
    session = request.cookies.get(cookie_name(context))
    return await context.tokens.authenticate(authorization, session, context.clock())


def _admitted(request: Request, principal: Principal) -> Principal:
    """Return a caller who may come this way at all."""
    if principal.is_session:
        check_origin(request)
    if principal.role == "monitor" and request.url.path != METRICS_PATH:
        raise forbidden(f"a monitor's token is good for {METRICS_PATH} alone")
    return principal


async def known_caller(request: Request) -> Principal | None:
    """Return who calls a route that strangers may call too, None for a stranger.

    Raises:
        Problem: 401, a token that is good no more is no stranger's.
    """
    is_stranger = "authorization" not in request.headers
    if is_stranger and cookie_name(context_of(request)) not in request.cookies:
        return None
    return _admitted(request, await _authenticated(request))  # counted as every request is


async def limited(request: Request) -> None:
    """Count a request (a dependency of every route).

    Raises:
        Problem: 429, too many.
    """
    caller = getattr(request.state, "principal", None)
    context_of(request).limits.request(caller, caller_address(request))


async def visitor_of(request: Request) -> Principal | None:
    """Return who has signed in, for pages that everybody may see."""
    context = context_of(request)
    session = request.cookies.get(cookie_name(context))
    if session is None:
        return None
    try:
        return await context.tokens.authenticate(None, session, context.clock())
    except Problem:
        return None


def context_of(request: Request) -> ApiContext:
    """Return what the app was made with."""
    context: ApiContext = request.app.state.context
    return context


def principal_of(request: Request) -> Principal:
    """Return who calls an authenticated route."""
    principal: Principal = request.state.principal
    return principal


def operator_of(request: Request) -> Principal:
    """Return the operator who calls.

    Raises:
        Problem: 403, somebody else calls.
    """
    principal = principal_of(request)
    principal.require("operator")
    return principal


def monitor_of(request: Request) -> Principal:
    """Return the operator, or the machine that watches for one.

    Raises:
        Problem: 403, somebody else calls.
    """
    principal = principal_of(request)
    principal.require("operator", "monitor")
    return principal


def registrar_of(request: Request) -> Principal:
    """Return the operator or installer who calls.

    Raises:
        Problem: 403, a user calls.
    """
    principal = principal_of(request)
    principal.require("operator", "installer")
    return principal


def caller_address(request: Request) -> str:
    """Return where a request comes from, as a proxy on this machine says (X-Forwarded-For)."""
    return request.client.host if request.client else "unknown"


async def _meter_id(meter_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]) -> bytes:
    return bytes.fromhex(meter_id)


def at_once(get: Callable[[Request], object]) -> Any:
    """Depend on what a request has, without the thread that FastAPI gives to plain functions."""

    async def dependency(request: Request) -> object:
        return get(request)

    return Depends(dependency)


Context = Annotated[ApiContext, at_once(context_of)]
Caller = Annotated[Principal, at_once(principal_of)]
Visitor = Annotated[Principal | None, Depends(visitor_of)]
Operator = Annotated[Principal, at_once(operator_of)]
OperatorOrInstaller = Annotated[Principal, at_once(registrar_of)]
MeterId = Annotated[bytes, Depends(_meter_id)]
"""In the path, 32 hex digits."""
