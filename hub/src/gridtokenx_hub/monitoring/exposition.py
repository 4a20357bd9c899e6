"""Metrics as Prometheus reads them: what this process counts, and what was found just now."""

from collections.abc import Collection, Iterator, Sequence

import asyncpg
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from gridtokenx_hub.monitoring.instruments import REGISTRY

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class _Found(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def exposition(found: Sequence[Metric]) -> bytes:
    """Return this process' own metrics and those that were found, as `CONTENT_TYPE`."""
    registry = CollectorRegistry()
    registry.register(_Found(found))
    return generate_latest(REGISTRY) + generate_latest(registry)


def up(parts: Collection[str], why: Collection[str]) -> Metric:
    """Return which parts are ready: all but those in `why`."""
    family = GaugeMetricFamily("gridtokenx_up", "Whether a part is ready.", labels=["part"])
    for part in parts:
        family.add_metric([part], part not in why)
    return family


def connections(pool: asyncpg.Pool) -> Metric:
    """Return how many connections to the database this process has."""
    size, idle = pool.get_size(), pool.get_idle_size()
    family = GaugeMetricFamily(
        "gridtokenx_database_connections", "Of this process.", labels=["state"]
    )
    family.add_metric(["busy"], size - idle)
    family.add_metric(["idle"], idle)
    return family
