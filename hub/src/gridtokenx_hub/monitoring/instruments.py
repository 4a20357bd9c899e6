"""What this process counts and times itself; `state` has what the whole hub shares.

Names follow Prometheus' conventions: base units, `_total` for counts that only rise. Labels have
few values: routes by their template, never by what a caller typed.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client has no types here

REGISTRY = CollectorRegistry()

API_REQUEST = Histogram(
    "gridtokenx_api_request_duration_seconds",
    "From a request's arrival to the beginning of its answer.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
DATABASE_QUERY = Histogram(
    "gridtokenx_database_query_duration_seconds",
    "Of a statement, as its caller waits for it.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 60),
    registry=REGISTRY,
)
INGEST_BATCH = Histogram(
    "gridtokenx_ingest_batch_messages",
    "Messages that were committed in one transaction.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    registry=REGISTRY,
)
INGEST_LATENCY = Histogram(
    "gridtokenx_ingest_latency_seconds",
    "From a message's arrival to its verdict in the database; of each batch, the oldest.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
    registry=REGISTRY,
)
TRANSACTION = Counter(
    "gridtokenx_transactions_total",
    "Transactions of this process by how they ended.",
    ["outcome"],
    registry=REGISTRY,
)
TRANSACTION_CONFIRMED = Histogram(
    "gridtokenx_transaction_confirmation_seconds",
    "From sending a transaction to its confirmation.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 90),
    registry=REGISTRY,
)
for _outcome in ("confirmed", "refused", "expired", "unknown"):
    TRANSACTION.labels(_outcome)  # from 0: a rate needs a first value
