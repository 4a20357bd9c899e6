"""``gtx-edge status``: how the agent stands, also while it runs."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime

from gridtokenx_edge.cli.common import (
    Commands,
    add_config,
    clock_probe,
    print_json,
    print_table,
    print_text,
)
from gridtokenx_edge.config import MeterConfig, load_config
from gridtokenx_edge.health.client import fetch_figures
from gridtokenx_edge.spool.inspect import stats
from gridtokenx_edge.spool.schema import is_in_use, open_for_reading


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("status", help="how the agent and its meters stand")
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    live = None if config.health_port is None else fetch_figures(config.health_port)
    clock = clock_probe(config)().name.lower()
    meters = {m.id.hex(): _meter(m, (live or {}).get(m.id.hex(), {})) for m in config.meters}
    if arguments.json:
        print_json({"clock": clock, "meters": meters})
        return 0
    print_table({"clock": clock})
    for meter, values in meters.items():
        print_text(f"\nmeter {meter}\n")
        print_table(values)
    return 0


def _meter(meter: MeterConfig, live: Mapping[str, float]) -> dict[str, object]:
    """From the spool; and from the health page, if it is on, what only the agent knows."""
    values: dict[str, object] = {"running": is_in_use(meter.spool.path)}
    if not meter.spool.path.exists():
        return {**values, "baseline": False}
    connection = open_for_reading(meter.spool.path)
    try:
        held = stats(connection)
    finally:
        connection.close()
    last_ms = held.pop("last_time_ms")
    values |= {"baseline": last_ms is not None, "last_reading": _utc(last_ms), **held}
    if live:
        values["connected"] = bool(live.get("connected"))
        refused = {
            name.partition(".")[2]: int(count)
            for name, count in live.items()
            if name.startswith("refused_total.")
        }
        values["refused"] = refused or None
    return values


def _utc(time_ms: int | None) -> str | None:
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms // 1000, UTC).isoformat()
