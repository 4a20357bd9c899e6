"""What all processes of a hub share, read from database and chain when it is asked for.

One scrape of the API tells of every worker: what they have done is in the database.
"""

import datetime as dt
from collections.abc import Awaitable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gridtokenx_hub.api.market.statistics import read_price, read_statistics
from gridtokenx_hub.chain import ChainError
from gridtokenx_hub.leadership import DATABASE_ERRORS
from gridtokenx_hub.monitoring.backups import backup_metrics
from gridtokenx_hub.monitoring.bridge import bridge_metrics
from gridtokenx_hub.monitoring.exposition import connections, up
from gridtokenx_hub.monitoring.oracle import oracle_metrics
from gridtokenx_hub.monitoring.parts import PARTS, index_lag, unready
from gridtokenx_protocol.units import MWH_PER_KWH

if TYPE_CHECKING:
    from gridtokenx_hub.api.context import ApiContext

HOUR = dt.timedelta(hours=1)
BLOCK_TIME_SLOTS = 100
LAMPORTS_PER_SOL = 1_000_000_000

COUNTS = """
SELECT (SELECT count(*) FROM users) AS users,
       (SELECT count(*) FROM meters) AS meters,
       (SELECT count(*) FROM device_status WHERE online) AS devices_online,
       (SELECT coalesce(sum(sequence), 0)::bigint FROM acks) AS readings_acknowledged,
       (SELECT coalesce(sum(minted_mwh), 0)::bigint FROM ledgers) AS minted_mwh,
       (SELECT count(*) FROM settlements WHERE status IN ('pending', 'sent')) AS settlements_open,
       (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM settlements
         WHERE status IN ('pending', 'sent')) AS oldest_settlement_s,
       (SELECT count(*) FROM settlements WHERE status = 'refused') AS settlements_refused,
       (SELECT count(*) FROM commands WHERE sent_at IS NULL) AS commands_unsent,
       (SELECT count(*) FROM equivocations WHERE reported_at IS NULL) AS equivocations_open,
       (SELECT count(*) FROM exclusions WHERE excluded_at IS NULL) AS exclusions_open,
       (SELECT count(*) FROM registrar_requests WHERE state = 'open') AS registrar_open,
       pg_database_size(current_database()) AS database_bytes
"""
QUARANTINE = "SELECT reason, count(*) AS count FROM quarantine WHERE received_at > $1 GROUP BY 1"


async def read_state(context: "ApiContext") -> list[Metric]:
    """Return the metrics; those of a part that does not answer are left out, and it is not up."""
    why = await unready(context)
    found = [up(PARTS, why), connections(context.pool)]
    if "database" not in why:
        found += await _unless_gone(_from_database(context))
    if "chain" not in why:
        found += await _unless_gone(_from_chain(context))
    if not {"database", "chain"} & why.keys():
        found += await _unless_gone(_index(context))
    return found


async def _unless_gone(reading: Awaitable[list[Metric]]) -> list[Metric]:
    """It may have gone since it was asked."""
    try:
        return await reading
    except (*DATABASE_ERRORS, TimeoutError, ChainError):
        return []


async def _from_database(context: "ApiContext") -> list[Metric]:
    now = context.clock()
    (counts,) = await context.pool.fetch(COUNTS)
    reasons = GaugeMetricFamily(
        "gridtokenx_quarantined_messages",
        "Messages that ingest refused in the last hour.",
        labels=["reason"],
    )
    for row in await context.pool.fetch(QUARANTINE, now - HOUR):
        reasons.add_metric([row["reason"]], row["count"])
    market = await _market(context, now)
    baht = [*await oracle_metrics(context.pool, now), *await bridge_metrics(context.pool, now)]
    backups = await backup_metrics(context.pool, now)
    return [reasons, *_counts(dict(counts)), *market, *baht, *backups]


def _counts(counts: Mapping[str, Any]) -> Iterator[Metric]:
    created = CounterMetricFamily(
        "gridtokenx_accounts_created", "Users and meters ever made.", labels=["kind"]
    )
    created.add_metric(["user"], counts["users"])
    created.add_metric(["meter"], counts["meters"])
    yield created
    yield CounterMetricFamily(
        "gridtokenx_readings_acknowledged",
        "Sequences up to which all is judged, summed over all meters.",
        counts["readings_acknowledged"],
    )
    yield CounterMetricFamily(
        "gridtokenx_minted_kwh", "Surplus that became tokens.", counts["minted_mwh"] / MWH_PER_KWH
    )
    for name, key, meaning in (
        ("devices_online", "devices_online", "Devices that are connected."),
        ("settlements_open", "settlements_open", "Settlements that are not on chain yet."),
        ("oldest_settlement_age_seconds", "oldest_settlement_s", "How long the oldest waits."),
        ("settlements_refused", "settlements_refused", "Settlements that the chain refused."),
        ("commands_unsent", "commands_unsent", "Commands that wait for the broker."),
        ("equivocations_open", "equivocations_open", "Proofs that are not on chain yet."),
        ("exclusions_open", "exclusions_open", "Revoked meters that the broker still admits."),
        ("registrar_requests_open", "registrar_open", "What waits for the registrar."),
        ("database_size_bytes", "database_bytes", "Of the whole database."),
    ):
        yield GaugeMetricFamily(f"gridtokenx_{name}", meaning, counts[key])


async def _market(context: "ApiContext", now: dt.datetime) -> list[Metric]:
    figures = await context.statistics.get(now, lambda: read_statistics(context.pool, now))
    price = await context.price.get(now, lambda: read_price(context.pool, now))
    day = figures.windows.last_24_h
    gauges: tuple[tuple[str, str, Decimal | int | None], ...] = (
        ("active_orders", "Orders that can be bought from.", figures.active_orders),
        ("active_kwh", "What these orders have left.", figures.active_kwh),
        ("active_offers", "Offers to buy.", figures.active_offers),
        ("best_price_grx", "Of a kWh, the lowest that is asked.", figures.best_price),
        ("last_price_grx", "Of a kWh, in the last trade.", figures.last_price),
        ("day_trades", "Trades of the last 24 hours.", day.trades),
        ("day_volume_kwh", "Traded in the last 24 hours.", day.volume_kwh),
        ("day_volume_grx", "Paid in the last 24 hours.", day.volume_grx),
        ("day_lowest_price_grx", "Of a kWh, in 24 hours.", day.lowest_price),
        ("day_highest_price_grx", "Of a kWh, in 24 hours.", day.highest_price),
        ("day_average_trade_kwh", "Size of a trade, in 24 hours.", day.average_kwh),
        ("day_average_trade_grx", "Price of a trade, in 24 hours.", day.average_grx),
        ("day_match_ratio", "Of the orders of 24 hours, those bought from.", day.match_rate),
        ("rate_thb_per_grx", "Of the price feed.", price.thb_per_grx),
    )
    found: list[Metric] = [
        GaugeMetricFamily(f"gridtokenx_market_{name}", meaning, float(value))
        for name, meaning, value in gauges
        if value is not None
    ]
    stale = "Whether the price feed's rate is too old to pay by."
    return [*found, GaugeMetricFamily("gridtokenx_market_rate_stale", stale, price.stale)]


async def _from_chain(context: "ApiContext") -> list[Metric]:
    client, addresses = context.client, context.addresses
    slot = await client.final_slot()
    supply = GaugeMetricFamily(
        "gridtokenx_token_supply", "In whole tokens: kWh, and GRX.", labels=["token"]
    )
    for token, mint in (("energy", addresses.energy_mint()), ("grx", addresses.grx_mint())):
        supply.add_metric([token], await client.token_supply(mint) / MWH_PER_KWH)
    balances = GaugeMetricFamily(
        "gridtokenx_fee_payer_sol", "What pays for transactions.", labels=["payer"]
    )
    for payer in (keypair.pubkey() for keypair in context.keys.fee_payers):
        balances.add_metric([str(payer)], await client.balance(payer) / LAMPORTS_PER_SOL)
    found: list[Metric] = [
        supply,
        balances,
        GaugeMetricFamily("gridtokenx_chain_slot", "The last final.", slot),
    ]
    first = max(slot - BLOCK_TIME_SLOTS, 1)
    began, ended = await client.block_time(first), await client.block_time(slot)
    if began is not None and ended is not None and slot > first:
        mean_s = (ended - began) / (slot - first)
        found.append(
            GaugeMetricFamily(
                "gridtokenx_chain_block_time_seconds",
                f"Mean of the last {BLOCK_TIME_SLOTS} slots.",
                mean_s,
            )
        )
    return found


async def _index(context: "ApiContext") -> list[Metric]:
    lag = GaugeMetricFamily(
        "gridtokenx_index_lag_events",
        "Events on chain that the database does not have yet.",
        labels=["program"],
    )
    for program, events in (await index_lag(context)).items():
        lag.add_metric([program], events)
    return [lag]
