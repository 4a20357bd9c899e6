"""When there was a good backup, by what `gtx-hub backup` has written down."""

import datetime as dt

import asyncpg
from prometheus_client.core import GaugeMetricFamily, Metric

from gridtokenx_hub.backup.journal import read_backup_state


async def backup_metrics(pool: asyncpg.Pool, now: dt.datetime) -> list[Metric]:
    """Return the metrics; where there never was one, it is as old as Unix time."""
    state = await read_backup_state(pool, now)
    good = state.last_good
    return [
        GaugeMetricFamily(
            "gridtokenx_backup_last_success_timestamp_seconds",
            "Unix time of what the last good backup holds, 0 for none.",
            0 if good is None else good.began_at.timestamp(),
        ),
        GaugeMetricFamily(
            "gridtokenx_backup_last_success_size_bytes",
            "Of the last good backup, 0 for none.",
            0 if good is None else good.size_bytes,
        ),
        GaugeMetricFamily(
            "gridtokenx_backup_failed",
            "Whether a backup has failed since the last good one.",
            state.failed is not None,
        ),
    ]
