"""How the price oracle does, by the rounds that it has written down."""

import datetime as dt

import asyncpg
from prometheus_client.core import GaugeMetricFamily, Metric

from gridtokenx_hub.oracle.state import read_oracle_state

HOUR = dt.timedelta(hours=1)
JUMPS = "SELECT count(*) FROM oracle_rounds WHERE began_at > $1 AND doubt = 'jump'"
FIRST = "SELECT min(began_at) FROM oracle_rounds"


async def oracle_metrics(pool: asyncpg.Pool, now: dt.datetime) -> list[Metric]:
    """Return the metrics; none before the first round, as where no oracle is set."""
    state = await read_oracle_state(pool, now)
    last, posted = state.last_round, state.last_posted
    if last is None:
        return []
    fresh = GaugeMetricFamily(
        "gridtokenx_oracle_source_fresh",
        "Whether a source told a fresh rate in the last round.",
        labels=["source"],
    )
    for source in last.sources:
        fresh.add_metric([source.name], source.error is None)
    # Where nothing was ever posted, it is as old as the first try: the alert must sound there too.
    since = await pool.fetchval(FIRST) if posted is None else posted.began_at
    return [
        fresh,
        GaugeMetricFamily(
            "gridtokenx_oracle_posted_age_seconds",
            "Of the last rate that is on chain.",
            (now - since).total_seconds(),
        ),
        GaugeMetricFamily(
            "gridtokenx_oracle_round_age_seconds",
            "Since the last round began.",
            (now - last.began_at).total_seconds(),
        ),
        GaugeMetricFamily(
            "gridtokenx_oracle_falling_back",
            "Whether the last round posted an operator's rate.",
            state.standing == "falling_back",
        ),
        GaugeMetricFamily(
            "gridtokenx_oracle_jumps_refused",
            "Rounds of the last hour whose median differed too much from the rate on chain.",
            await pool.fetchval(JUMPS, now - HOUR),
        ),
    ]
