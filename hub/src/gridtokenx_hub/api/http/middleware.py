"""What holds for every request: an id, a limit on its body, safe headers, no stack trace."""

import asyncio
import logging
import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gridtokenx_hub.api.http.problems import Problem, respond
from gridtokenx_hub.monitoring.instruments import API_REQUEST
from gridtokenx_hub.monitoring.logs import request_id

MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT_S = 10.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

log = logging.getLogger(__name__)


class RequestGuard:
    """Outermost ASGI layer of the API and the pages.

    Takes the caller's `X-Request-ID` when it is a plain token, else draws one, and answers with
    it; refuses bodies above 64 KiB (413) and ones that do not arrive within 10 s (408), whether
    or not the length was declared; turns what nobody caught into a problem without a trace.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        own_id = _request_id(scope)
        token = request_id.set(own_id)
        began_s = asyncio.get_running_loop().time()
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _note(scope, message["status"], asyncio.get_running_loop().time() - began_s)
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = own_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        body = _BoundedBody(receive)
        try:
            _check_declared_length(scope)
            await self._app(scope, body.receive, guarded_send)
        except Problem as problem:
            await respond(problem)(scope, receive, guarded_send)
        except Exception:
            log.exception("request %s %s %s failed", own_id, scope["method"], scope["path"])
            if started:
                raise
            failure = Problem(
                500, "InternalError", f"report request {own_id} to the operator, please"
            )
            await respond(failure)(scope, receive, guarded_send)
        finally:
            request_id.reset(token)


class _BoundedBody:
    """Counts and times what is received of one request's body."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + BODY_TIMEOUT_S
        self._size = 0
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408, "RequestTimeout", f"the body did not arrive within {BODY_TIMEOUT_S:.0f} s"
            ) from None
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY_BYTES:
            raise _too_large()
        self._complete = not message.get("more_body", False)
        return message


def _note(scope: Scope, status: int, duration_s: float) -> None:
    """Count a request that is answered now, and log it when it was to change something."""
    method = scope["method"] if scope["method"] in METHODS else "other"
    # What was typed is never a label: there would be no end of them.
    route = getattr(scope.get("route"), "path", "none")
    API_REQUEST.labels(method, route, status).observe(duration_s)
    if method not in READING:
        facts = {
            "method": method,
            "route": route,
            "status": status,
            "duration_s": round(duration_s, 6),
        }
        log.info("%s %s: %d", method, route, status, extra={"facts": facts})


def _too_large() -> Problem:
    return Problem(
        413, "BodyTooLarge", f"a body may have {MAX_BODY_BYTES} bytes", {"Connection": "close"}
    )


def _check_declared_length(scope: Scope) -> None:
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 18 or int(declared) > MAX_BODY_BYTES:
        raise _too_large()


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
