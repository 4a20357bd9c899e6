"""Metrics, health and readiness of a process that does not serve the API.

Nothing of a household is in them, and no token is asked for: they are for this machine or a network
of one's own.
"""

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gridtokenx_hub.api.http.problems import unavailable
from gridtokenx_hub.monitoring.exposition import CONTENT_TYPE, connections, exposition, up
from gridtokenx_hub.monitoring.parts import Checks, reasons


def metrics_app(pool: asyncpg.Pool, checks: Checks) -> Starlette:
    """Return what answers `/metrics`, `/health` and `/ready`.

    Args:
        pool: this process' own.
        checks: of the parts that this process stands on.
    """

    async def metrics(_request: Request) -> Response:
        found = [up(checks, await reasons(checks)), connections(pool)]
        return Response(exposition(found), media_type=CONTENT_TYPE)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})  # who answers is alive

    async def ready(_request: Request) -> Response:
        why = await reasons(checks)
        if not why:
            return JSONResponse({"status": "ready"})
        problem = unavailable("NotReady", f"not ready: {', '.join(why)}")
        return JSONResponse(
            problem.content(), problem.status_code, media_type="application/problem+json"
        )

    routes = (("/metrics", metrics), ("/health", health), ("/ready", ready))
    return Starlette(routes=[Route(path, answer) for path, answer in routes])
