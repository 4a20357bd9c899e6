"""What a scrape gets, from whom it is kept, and what is left when a part is gone."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from hub_world import HubWorld, expect, expect_problem
from prometheus_client.parser import text_string_to_metric_families

from gridtokenx_hub.api.access.auth import create_token
from gridtokenx_hub.api.market.statistics import Recent
from gridtokenx_hub.backup.journal import OLD_AFTER
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.indexer.errors import IndexerError
from gridtokenx_hub.ingest.counters import Counters
from gridtokenx_hub.monitoring.exposition import exposition
from gridtokenx_hub.monitoring.ingest import IngestMetrics
from gridtokenx_hub.monitoring.state import read_state

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILES = Path(__file__).parents[3] / "hub" / "monitoring"
OF_PROMETHEUS = {"up"}
COUNTED = ("_bucket", "_sum", "_count")
"""What a histogram is made of."""

DOCUMENT = Path(__file__).parents[3] / "docs" / "operations.md"
WATCHED = {
    "block time": ["gridtokenx_chain_block_time_seconds"],
    "transaction success": ["gridtokenx_transactions_total"],
    "account creation": ["gridtokenx_accounts_created_total"],
    "token supply": ["gridtokenx_token_supply"],
    "active orders": ["gridtokenx_market_active_orders"],
    "match rate": ["gridtokenx_market_day_match_ratio"],
    "average trade": [
        "gridtokenx_market_day_average_trade_kwh",
        "gridtokenx_market_day_average_trade_grx",
    ],
    "price range": [
        "gridtokenx_market_day_lowest_price_grx",
        "gridtokenx_market_day_highest_price_grx",
    ],
    "trading volume": ["gridtokenx_market_day_volume_kwh", "gridtokenx_market_day_volume_grx"],
    "API latency": ["gridtokenx_api_request_duration_seconds_bucket"],
    "query time": ["gridtokenx_database_query_duration_seconds_bucket"],
    "errors": ["gridtokenx_api_request_duration_seconds_count"],
    "reading frequency": ["gridtokenx_readings_acknowledged_total"],
}
"""What the design says has to be watched, each with what tells it."""
BASE_UNITS = re.compile("_(ms|milliseconds|minutes|hours|kb|mb|kilobytes|percent)(_|$)")

Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


async def scrape(world: HubWorld) -> Samples:
    """Each sample's value by its name and labels, read anew."""
    with world.having(state=Recent(0)):
        response = await world.get("/metrics", world.operator)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples: Samples = {}
    for family in text_string_to_metric_families(response.text):
        assert family.documentation.endswith("."), family.name
        for sample in family.samples:
            samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return samples


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name][frozenset(labels.items())]


async def trade_once(world: HubWorld) -> None:
    """A household sells a kWh to another."""
    seller, buyer = await world.seller(1), await world.buyer(10)
    order = await world.sell(seller, 1, 3)
    body = {"buyer_wallet": buyer.wallet, "order_id": order["order_id"]}
    expect(await world.post("/api/trading/orders/match", body, buyer.token), 200)


async def oracle_round(world: HubWorld, basis: str | None, doubt: str | None, outcome: str) -> None:
    """The oracle has asked two sources, of which one told a rate."""
    await world.pool.execute(
        """
        INSERT INTO oracle_rounds (began_at, sources, basis, doubt, micro_thb_per_grx, outcome)
        VALUES (now(), '[{"name": "a", "micro_thb_per_grx": 10}, {"name": "b", "error": "stale"}]',
                $1::text, $2, CASE WHEN $1 IS NULL THEN NULL ELSE 10 END, $3)
        """,
        basis,
        doubt,
        outcome,
    )


def dashboard() -> list[str]:
    """The expressions of the dashboard."""
    read: dict[str, Any] = json.loads((FILES / "grafana-dashboard.json").read_text())
    return [target["expr"] for panel in read["panels"] for target in panel.get("targets", ())]


def alerts() -> list[dict[str, Any]]:
    read = yaml.safe_load((FILES / "alerts.yml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def names(expression: str) -> Iterator[str]:
    """The metrics that an expression asks for."""
    pending: list[Any] = [promql_parser.parse(expression)]
    while pending:
        node = pending.pop()
        if isinstance(node, promql_parser.VectorSelector):
            yield node.name
        for part in ("vector_selector", "expr", "lhs", "rhs", "param"):
            child = getattr(node, part, None)
            if isinstance(child, promql_parser.Expr):
                pending.append(child)
        pending += [arg for arg in getattr(node, "args", ()) if isinstance(arg, promql_parser.Expr)]


async def of_a_worker() -> set[str]:
    """The names that an ingest worker adds to those of its process, wherever it runs."""
    counters = Counters()
    counters.quarantined["unknown_meter"] += 1
    before, stop = names_in(exposition([])), asyncio.Event()
    exporting = asyncio.create_task(IngestMetrics(counters).run(stop))
    await asyncio.sleep(0)
    during = names_in(exposition([]))
    stop.set()
    await exporting
    assert names_in(exposition([])) == before
    return during - before


def names_in(text: bytes) -> set[str]:
    families = text_string_to_metric_families(text.decode())
    return {sample.name for family in families for sample in family.samples}


async def test_dashboard_and_alerts_ask_for_what_there_is_and_for_all_of_it(
    world: HubWorld,
) -> None:
    await world.pool.execute(
        "INSERT INTO quarantine (topic, reason, detail, payload) VALUES ('t', 'floods', 'd', '')"
    )
    await world.pool.execute("INSERT INTO prices VALUES (1, 10000000, now())")
    await oracle_round(world, "median", None, "posted")
    await world.pool.execute("INSERT INTO bridge_blocks VALUES (7, $1)", bytes(32))
    await trade_once(world)
    await world.sell(await world.seller(1), 1, 3)
    exported = set(await scrape(world)) | await of_a_worker()
    asked = {name for expression in dashboard() for name in names(expression)}
    asked |= {name for rule in alerts() for name in names(rule["expr"])}
    assert asked - exported - OF_PROMETHEUS == set()
    # a histogram is asked for by one of its parts
    stems = {name.removesuffix(part) for name in asked for part in COUNTED if name.endswith(part)}
    unused = {
        name
        for name in exported - asked
        if not any(name.removesuffix(part) in stems for part in COUNTED if name.endswith(part))
    }
    assert unused == set()


@pytest.mark.parametrize("what", WATCHED)
async def test_what_has_to_be_watched(world: HubWorld, what: str) -> None:
    await trade_once(world)
    exported = await scrape(world)
    panels = {name for expression in dashboard() for name in names(expression)}
    (line,) = [row for row in DOCUMENT.read_text().splitlines() if row.startswith(f"| {what}")]
    for name in WATCHED[what]:
        assert exported[name]
        assert name in panels
        assert name.removesuffix("_bucket") in line


async def test_names_are_as_prometheus_wants_them(world: HubWorld) -> None:
    """https://prometheus.io/docs/practices/naming/"""
    counters, stop = Counters(), asyncio.Event()
    exporting = asyncio.create_task(IngestMetrics(counters).run(stop))
    await asyncio.sleep(0)
    with world.having(state=Recent(0)):
        text = (await world.get("/metrics", world.operator)).text
    stop.set()
    await exporting
    families = list(text_string_to_metric_families(text))
    assert {family.type for family in families} == {"counter", "gauge", "histogram"}
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert re.fullmatch("gridtokenx_[a-z][a-z0-9_]*[a-z]", family.name)
        assert not BASE_UNITS.search(family.name)
        assert not family.name.endswith(("_total", *COUNTED))
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total")


async def test_each_alert_says_what_to_do() -> None:
    rules = alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert {"summary", "action"} == rule["annotations"].keys()


async def test_the_market_and_the_chain(world: HubWorld) -> None:
    before = await scrape(world)
    await trade_once(world)
    after = await scrape(world)
    for kind in ("user", "meter"):
        name = "gridtokenx_accounts_created_total"
        assert value(after, name, kind=kind) > value(before, name, kind=kind)
    confirmed = "gridtokenx_transactions_total"
    assert value(after, confirmed, outcome="confirmed") > value(
        before, confirmed, outcome="confirmed"
    )
    supply = await world.context.client.token_supply(world.context.addresses.energy_mint())
    assert value(after, "gridtokenx_token_supply", token="energy") == supply / 1_000_000  # noqa: S106 - no password
    assert value(after, "gridtokenx_market_day_trades") >= 1
    assert value(after, "gridtokenx_index_lag_events", program="trading") == 0
    assert value(after, "gridtokenx_up", part="broker") == 1
    assert after["gridtokenx_database_query_duration_seconds_count"][frozenset()] > 0


async def test_payments_in_baht(world: HubWorld) -> None:
    await world.pool.execute("DELETE FROM bridge_blocks")
    assert not [name for name in await scrape(world) if "bridge" in name]
    await world.pool.execute("INSERT INTO bridge_blocks VALUES (9, $1)", bytes(32))
    for name, hours_ago in (("fresh", 1), ("late", 4)):
        await world.pool.execute(
            """
            INSERT INTO payments VALUES ($1, $2, 'w', 1500000, now() - $3 * interval '1 hour',
                                         'locked', 8, '\\x01', now())
            """,
            name,
            bytes(20),
            hours_ago,
        )
    samples = await scrape(world)
    assert value(samples, "gridtokenx_bridge_block") == 9
    assert value(samples, "gridtokenx_bridge_locked_payments", state="waiting") == 2
    assert value(samples, "gridtokenx_bridge_locked_thbc") == 3
    assert value(samples, "gridtokenx_bridge_releases_late") == 0
    await world.pool.execute(
        """
        INSERT INTO reservations SELECT reservation_id, (SELECT min(order_id) FROM orders), 'w', 1,
               1, 1, now(), now(), 'matched', now(), 't' FROM payments
        """
    )
    samples = await scrape(world)
    assert value(samples, "gridtokenx_bridge_locked_payments", state="delivered") == 2
    assert value(samples, "gridtokenx_bridge_releases_late") == 1
    for table in ("payments", "reservations", "bridge_blocks"):
        await world.pool.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours


async def test_backups(world: HubWorld) -> None:
    succeeded = "gridtokenx_backup_last_success_timestamp_seconds"
    await world.pool.execute("DELETE FROM backups")
    assert value(await scrape(world), succeeded) == 0
    await world.pool.execute(
        "INSERT INTO backups (began_at, ended_at, size_bytes) VALUES (to_timestamp(7.5), now(), 9)"
    )
    samples = await scrape(world)
    assert value(samples, succeeded) == 7.5
    assert value(samples, "gridtokenx_backup_last_success_size_bytes") == 9
    assert value(samples, "gridtokenx_backup_failed") == 0
    await world.pool.execute(
        "INSERT INTO backups (began_at, ended_at, failure) VALUES (now(), now(), 'full')"
    )
    samples = await scrape(world)
    assert value(samples, succeeded) == 7.5
    assert value(samples, "gridtokenx_backup_failed") == 1
    await world.pool.execute("DELETE FROM backups")


async def test_the_page_calls_a_backup_old_when_the_alert_does() -> None:
    (rule,) = [rule for rule in alerts() if rule["alert"] == "BackupTooOld"]
    assert rule["expr"].endswith(f"> {OLD_AFTER.total_seconds():.0f}")


async def test_the_price_oracle(world: HubWorld) -> None:
    await world.pool.execute("DELETE FROM oracle_rounds")
    assert not [name for name in await scrape(world) if "oracle" in name]
    await oracle_round(world, "median", None, "failed")
    await world.pool.execute("UPDATE oracle_rounds SET began_at = began_at - interval '1 hour'")
    samples = await scrape(world)
    assert value(samples, "gridtokenx_oracle_posted_age_seconds") >= 3600
    await oracle_round(world, "median", None, "posted")
    samples = await scrape(world)
    assert value(samples, "gridtokenx_oracle_source_fresh", source="a") == 1
    assert value(samples, "gridtokenx_oracle_source_fresh", source="b") == 0
    assert value(samples, "gridtokenx_oracle_falling_back") == 0
    assert 0 <= value(samples, "gridtokenx_oracle_posted_age_seconds") < 60
    await oracle_round(world, "manual", "jump", "posted")
    samples = await scrape(world)
    assert value(samples, "gridtokenx_oracle_falling_back") == 1
    assert value(samples, "gridtokenx_oracle_jumps_refused") == 1
    await world.pool.execute(
        "UPDATE oracle_rounds SET began_at = began_at - interval '2 hours' WHERE doubt IS NULL"
    )
    await world.pool.execute("UPDATE oracle_rounds SET outcome = 'failed' WHERE doubt = 'jump'")
    samples = await scrape(world)
    assert value(samples, "gridtokenx_oracle_posted_age_seconds") >= 7200
    assert value(samples, "gridtokenx_oracle_round_age_seconds") < 60


async def test_a_request_counts_under_its_route_and_never_under_what_was_typed(
    world: HubWorld,
) -> None:
    for path in ("/api/meters/" + "ab" * 16, "/no-such-page/77777", "/api/trading/orders/44444"):
        await world.get(path, world.operator)
    samples = (await scrape(world))["gridtokenx_api_request_duration_seconds_count"]
    routes = {dict(labels)["route"] for labels in samples}
    assert {"none", "/api/meters/{meter_id}", "/api/trading/orders/{order_id}"} <= routes
    assert not any("7777" in route or "4444" in route or "abab" in route for route in routes)


async def test_only_for_who_watches(world: HubWorld) -> None:
    watching = await create_token(world.pool, "monitor", None, None, label="prometheus")
    user = await world.user()
    expect_problem(await world.get("/metrics"), 401, "Unauthenticated")
    expect_problem(await world.get("/metrics", user.token), 403, "Forbidden")
    assert (await world.get("/metrics", watching)).status_code == 200
    for path in ("/api/users/me", "/api/operations/quarantine", "/api/tokens"):
        expect_problem(await world.get(path, watching), 403, "Forbidden")
    made = await world.post("/api/tokens", {"role": "operator"}, watching)
    expect_problem(made, 403, "Forbidden")
    expect_problem(await world.post("/api/sessions", {}, watching), 403, "Forbidden")


async def not_ready(world: HubWorld) -> str:
    response = await world.get("/api/ready")
    expect_problem(response, 503, "NotReady")
    return str(response.json()["detail"])


async def test_ready(world: HubWorld) -> None:
    expect(await world.get("/api/ready"), 200)
    with world.having(broker=BrokerSettings("127.0.0.1", 1, None)):
        assert await not_ready(world) == "not ready: broker"
        samples = await scrape(world)
    assert value(samples, "gridtokenx_up", part="broker") == 0
    expect(await world.get("/api/ready"), 200)


async def test_a_chain_that_is_gone(world: HubWorld) -> None:
    gone = ChainClient("http://127.0.0.1:1", retry_pauses_s=())
    try:
        with world.having(client=gone):
            samples = await scrape(world)
    finally:
        await gone.close()
    assert value(samples, "gridtokenx_up", part="chain") == 0
    assert value(samples, "gridtokenx_up", part="database") == 1
    assert "gridtokenx_token_supply" not in samples
    assert "gridtokenx_market_active_orders" in samples


async def test_a_database_that_is_gone(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pool hands nothing out; whoever asks is known before."""

    async def gone(*_: object) -> None:
        raise ConnectionRefusedError

    asked = world.context
    for method in ("fetch", "fetchval", "fetchrow", "execute"):
        monkeypatch.setattr(type(asked.pool), method, gone)
    found = {family.name: family for family in await read_state(asked)}
    up = {sample.labels["part"]: sample.value for sample in found["gridtokenx_up"].samples}
    assert up == {"database": 0, "chain": 1, "indexer": 0, "broker": 1}
    assert "gridtokenx_token_supply" in found
    assert "gridtokenx_market_active_orders" not in found


async def test_an_event_that_cannot_be_applied(world: HubWorld) -> None:
    """However few events it holds up."""
    blocked = world.context.indexer.blocked
    blocked["trading"] = IndexerError("event 5 is missing")
    try:
        assert await not_ready(world) == "not ready: indexer"
    finally:
        blocked.clear()


async def test_an_indexer_that_stands_still(world: HubWorld) -> None:
    marks = await world.pool.fetch("SELECT program, event_sequence FROM watermarks")
    try:
        await world.pool.execute("UPDATE watermarks SET event_sequence = event_sequence - 2000")
        samples = await scrape(world)
        said = await not_ready(world)
    finally:
        for mark in marks:
            await world.pool.execute(
                "UPDATE watermarks SET event_sequence = $2 WHERE program = $1", *mark
            )
    assert value(samples, "gridtokenx_index_lag_events", program="registry") == 2000
    assert said == "not ready: indexer"
