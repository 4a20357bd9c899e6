"""What machines watch: metrics in Prometheus' text format, and whether the hub is ready."""

import logging

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBearer

from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.api.http.models import Readiness
from gridtokenx_hub.api.http.problems import documented, unavailable
from gridtokenx_hub.api.http.routing import METRICS_PATH, AuthenticatedRoute, Context, monitor_of
from gridtokenx_hub.monitoring.exposition import CONTENT_TYPE, exposition
from gridtokenx_hub.monitoring.parts import unready
from gridtokenx_hub.monitoring.state import read_state

private = APIRouter(
    tags=["monitoring"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False)), Depends(monitor_of)],
)
public = APIRouter(prefix="/api", tags=["monitoring"])


log = logging.getLogger(__name__)


@private.get(METRICS_PATH, include_in_schema=False)  # no part of the API: docs/operations.md
async def metrics(context: Context) -> Response:
    """Metrics in Prometheus' text format. Needs a token of the role monitor or operator.

    What this process counts itself is exact; what is read from database and chain is up to five
    seconds old. A part that does not answer has `gridtokenx_up` 0, and its metrics are left out.
    """
    state = await context.state.get(context.clock(), lambda: read_state(context))
    return Response(exposition(state), media_type=CONTENT_TYPE)


@public.get("/ready", response_model=Readiness, responses=documented(503))
async def ready(context: Context) -> Response:
    """Whether database, chain, indexer and broker are ready; 503 names those that are not.

    For whoever sends people here. Which part says what is in the log, and in `/metrics`.
    """
    why = await unready(context)
    if why:
        log.warning("not ready: %s", why)
        raise unavailable("NotReady", f"not ready: {', '.join(why)}")
    return ExactJSONResponse(Readiness(status="ready").content())
