"""What this process' ingest worker has done, as metrics."""

import asyncio
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from gridtokenx_hub.ingest.counters import Counters
from gridtokenx_hub.monitoring.instruments import REGISTRY


class IngestMetrics(Collector):
    """Exports a worker's counters while it runs."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def run(self, stop: asyncio.Event) -> None:
        """Export them until `stop` is set."""
        REGISTRY.register(self)
        try:
            await stop.wait()
        finally:
            REGISTRY.unregister(self)

    def collect(self) -> Iterator[Metric]:
        """Return the counters as they stand."""
        done = self._counters
        for name, meaning, value in (
            ("messages_received", "Messages taken from the broker.", done.received),
            ("messages_verified", "Messages whose signature is good.", done.verified),
            ("readings_stored", "Readings written.", done.stored),
            ("readings_duplicate", "Readings that had their verdict already.", done.duplicates),
            ("refusals_unrecorded", "Refused without a row in quarantine.", done.unrecorded),
            ("acks_published", "Signed acks handed to the broker.", done.acks),
            ("broker_connections", "Times that the broker was reached.", done.connections),
            ("database_retries", "Times that the database was tried again.", done.retries),
        ):
            yield CounterMetricFamily(f"gridtokenx_ingest_{name}", meaning, value)
        refused = CounterMetricFamily(
            "gridtokenx_ingest_refused", "Messages and readings refused.", labels=["reason"]
        )
        for reason, count in done.quarantined.items():
            refused.add_metric([reason], count)
        yield refused
        dropped = CounterMetricFamily(
            "gridtokenx_ingest_messages_dropped",
            "Messages let go of unread: the queue was full, or their topic had its share.",
            labels=["cause"],
        )
        dropped.add_metric(["queue_full"], done.discarded)
        dropped.add_metric(["flood"], done.floods)
        yield dropped
