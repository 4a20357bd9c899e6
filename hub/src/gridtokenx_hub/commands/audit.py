"""`gtx-hub audit`: do the invariants hold? Says what it compared; 0 when they do, 1 when not."""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from gridtokenx_hub.audit import Check, Report, audit
from gridtokenx_hub.chain import ChainClient, ChainUnavailable, RequestRefused
from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.readings.retention import RAW_DAYS
from gridtokenx_hub.settings import SECONDS_PER_DAY, BridgeSettings, Settings, load_settings

if TYPE_CHECKING:
    from gridtokenx_hub.audit.bridge_reader import BridgeReader

ERRORS = (ChainUnavailable, RequestRefused, asyncpg.PostgresError)
PATIENCE_S = 60.0
SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_S,
        metavar="SECONDS",
        help="how long to wait for a moment at which the indexer has caught up (default 60)",
    )
    parser.add_argument(
        "--hash-days",
        type=int,
        default=RAW_DAYS,
        metavar="DAYS",
        help=f"hash the readings of so many days anew (default {RAW_DAYS}, all that are kept)",
    )


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Print the report."""
    settings = load_settings(folder)
    url = database_url(folder, settings)
    report = asyncio.run(run(url, settings, arguments.patience, arguments.hash_days))
    sys.stdout.write((as_json(report) if arguments.json else as_text(report)) + "\n")
    return 1 if report.differences else 0


async def run(url: str, settings: Settings, patience_s: float, hash_days: int) -> Report:
    """Audit the hub of this database and these chains."""
    programs, addresses = settings.chain.load_programs(), settings.chain.addresses
    client = ChainClient(settings.chain.rpc_url)
    bridge = None if settings.bridge is None else _reader(settings.bridge)
    # Not from the hub's pool: looking at every row may take longer than a minute.
    connection = await asyncpg.connect(url)
    try:
        now_ms = time.time_ns() // 1_000_000
        since_ms = max(0, now_ms - hash_days * SECONDS_PER_DAY * 1_000)
        return await audit(
            connection, client, programs, addresses, now_ms, patience_s, since_ms, bridge
        )
    finally:
        await connection.close()
        await client.close()
        if bridge is not None:
            await bridge.close()


def _reader(chosen: BridgeSettings) -> "BridgeReader":
    # Only a hub that sells for baht loads this.
    from gridtokenx_hub.audit.bridge_reader import BridgeReader  # noqa: PLC0415 - for that reason

    return BridgeReader(chosen)


def as_json(report: Report) -> str:
    """Return the report as one JSON object; of the differences of a check, the first few."""
    return json.dumps(
        {
            "holds": not report.differences,
            "events": dict(report.events),
            "moved": report.moved,
            "checks": [
                {
                    "invariant": check.invariant,
                    "title": check.title,
                    "holds": not check.differences,
                    "skipped": check.skipped,
                    "compared": dict(check.compared),
                    "differences": len(check.differences),
                    "first_differences": [asdict(one) for one in check.differences[:SHOWN]],
                }
                for check in report.checks
            ],
        },
        default=str,
    )


def as_text(report: Report) -> str:
    """Return the report for a person."""
    events = ", ".join(f"{name} {count}" for name, count in report.events.items())
    lines = [f"read at event {events}"]
    if report.moved:
        lines.append(
            "the database never had just the events that the chains had sent: what differs may be "
            "of the moment, or the indexer does not follow, or the bridge's listener (see the log)"
        )
    for check in report.checks:
        lines += _lines(check)
    return "\n".join(lines)


def _lines(check: Check) -> list[str]:
    if check.skipped is not None:
        return [f"{check.invariant}. {check.title}: skipped, {check.skipped}"]
    verdict = "holds" if not check.differences else f"{len(check.differences)} differences"
    compared = ", ".join(f"{name} {count:,}" for name, count in check.compared.items())
    shown = [f"    {difference}" for difference in check.differences[:SHOWN]]
    if len(check.differences) > SHOWN:
        shown.append("    …")
    return [f"{check.invariant}. {check.title}: {verdict}", f"    compared: {compared}", *shown]
