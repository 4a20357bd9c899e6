"""How payments in baht do, by what the bridge's listener and relay have left in the tables."""

import datetime as dt

import asyncpg
from prometheus_client.core import GaugeMetricFamily, Metric

MICRO = 1_000_000
RELEASE_EXPECTED_WITHIN = dt.timedelta(hours=3)
"""After the deadline of a payment whose energy is delivered."""

FIGURES = """
SELECT (SELECT max(number) FROM bridge_blocks) AS block,
       count(*) FILTER (WHERE r.status IS DISTINCT FROM 'matched') AS waiting,
       count(*) FILTER (WHERE r.status = 'matched') AS delivered,
       count(*) FILTER (WHERE r.status = 'matched' AND p.pay_deadline < $1) AS late,
       coalesce(sum(p.micro_thbc), 0)::bigint AS micro_thbc,
       (SELECT coalesce(extract(epoch FROM $2 - min(created_at)), 0)::float8
          FROM evm_transactions WHERE status = 'sent') AS oldest_s
  FROM payments p LEFT JOIN reservations r USING (reservation_id)
 WHERE p.state = 'locked'
"""


async def bridge_metrics(pool: asyncpg.Pool, now: dt.datetime) -> list[Metric]:
    """Return the metrics; none before the first block, as where there is no bridge."""
    (row,) = await pool.fetch(FIGURES, now - RELEASE_EXPECTED_WITHIN, now)
    if row["block"] is None:
        return []
    locked = GaugeMetricFamily(
        "gridtokenx_bridge_locked_payments",
        "Payments that are locked: waiting for energy, or delivered and waiting for the release.",
        labels=["state"],
    )
    for state in ("waiting", "delivered"):
        locked.add_metric([state], row[state])
    return [
        locked,
        *(
            GaugeMetricFamily(f"gridtokenx_bridge_{name}", meaning, value)
            for name, meaning, value in (
                ("locked_thbc", "What they lock, in THBC.", row["micro_thbc"] / MICRO),
                ("releases_late", "Delivered, and not released for hours.", row["late"]),
                ("block", "Up to which the bridge is followed.", row["block"]),
                (
                    "oldest_transaction_age_seconds",
                    "Of the hub's own on the EVM chain that are not final.",
                    row["oldest_s"],
                ),
            )
        ),
    ]
