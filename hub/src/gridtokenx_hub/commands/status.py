"""`gtx-hub status`: what the hub has done so far, as one JSON object."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncpg

from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.database import StoreError, open_pool
from gridtokenx_hub.settings import load_settings

COUNTS = """
SELECT (SELECT count(*) FROM readings) AS readings_stored,
       (SELECT count(*) FROM quarantine) AS readings_quarantined,
       (SELECT count(*) FROM settlements WHERE status = 'pending') AS settlements_pending,
       (SELECT count(*) FROM settlements WHERE status = 'sent') AS settlements_sent,
       (SELECT count(*) FROM settlements WHERE status = 'settled') AS settlements_settled,
       (SELECT count(*) FROM settlements WHERE status = 'refused') AS settlements_refused,
       (SELECT coalesce(sum(minted_mwh), 0)::bigint FROM ledgers) AS minted_mwh
"""

METERS = """
SELECT encode(m.meter_id, 'hex') AS meter_id, m.status, m.owner_wallet,
       a.sequence AS acknowledged_sequence, l.last_sequence AS settled_sequence,
       l.produced_mwh, l.consumed_mwh, l.surplus_mwh, l.minted_mwh,
       s.tx_signature AS last_settlement, encode(r.hash, 'hex') AS settled_hash,
       d.online, d.changed_at::text AS online_changed_at, d.version AS agent_version, d.profile,
       d.oldest_sequence AS oldest_sequence_held
FROM meters m
LEFT JOIN device_status d USING (meter_id)
LEFT JOIN acks a USING (meter_id)
LEFT JOIN ledgers l USING (meter_id)
LEFT JOIN LATERAL (
    SELECT tx_signature, sequence FROM settlements
    WHERE meter_id = m.meter_id AND status = 'settled' ORDER BY sequence DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (
    SELECT hash FROM readings
    WHERE meter_id = m.meter_id AND readings.sequence = s.sequence LIMIT 1) r ON true
ORDER BY m.registered_at, m.meter_id
"""


ERRORS = (StoreError,)


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


async def read_status(pool: asyncpg.Pool) -> dict[str, Any]:
    """Return counts, watermarks and one object a meter; energies in mWh."""
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        counts = await connection.fetchrow(COUNTS)
        meters = await connection.fetch(METERS)
        watermarks = await connection.fetch("SELECT program, slot, event_sequence FROM watermarks")
    return {
        **dict(counts or {}),
        "meters": [dict(row) for row in meters],
        "watermarks": {row["program"]: row["event_sequence"] for row in watermarks},
    }


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Print the status."""
    url = database_url(folder, load_settings(folder))

    async def main() -> dict[str, Any]:
        async with await open_pool(url) as pool:
            return await read_status(pool)

    sys.stdout.write(json.dumps(asyncio.run(main())) + "\n")
    return 0
