"""What machines watch: metrics in Prometheus' text format, and whether the hub is ready."""

import logging
from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBearer
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from gridtokenx_hub.api.exact_json import ExactJSONResponse
from gridtokenx_hub.api.models import Readiness
from gridtokenx_hub.api.problems import documented, unavailable
from gridtokenx_hub.api.routing import METRICS_PATH, AuthenticatedRoute, Context, monitor_of
from gridtokenx_hub.monitoring.instruments import REGISTRY
from gridtokenx_hub.monitoring.parts import unready
from gridtokenx_hub.monitoring.state import read_state

private = APIRouter(
    tags=["monitoring"],
    route_class=AuthenticatedRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False)), Depends(monitor_of)],
)
public = APIRouter(prefix="/api", tags=["monitoring"])


log = logging.getLogger(__name__)


class _Found(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


@private.get(METRICS_PATH, include_in_schema=False)  # no part of the API: docs/operations.md
async def metrics(context: Context) -> Response:
    """Metrics in Prometheus' text format. Needs a token of the role monitor or operator.

    What this process counts itself is exact; what is read from database and chain is up to five
    seconds old. A part that does not answer has `gridtokenx_up` 0, and its metrics are left out.
    """
    state = await context.state.get(context.clock(), lambda: read_state(context))
    registry = CollectorRegistry()
    registry.register(_Found(state))
    text = generate_latest(REGISTRY) + generate_latest(registry)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


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
