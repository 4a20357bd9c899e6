"""`gtx-hub settlements`: what the chain refused, and what waits, with the reasons."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import asyncpg

from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.database import StoreError, open_pool
from gridtokenx_hub.settings import load_settings

ERRORS = (StoreError, asyncpg.PostgresError)
STATES = ("pending", "sent", "settled", "refused", "superseded")
DEFAULT_LIMIT = 50

NEWEST = """
SELECT encode(meter_id, 'hex') AS meter_id, sequence, time_ms, status, error, attempts, minted_mwh,
       tx_signature, updated_at
FROM settlements WHERE status = $1 ORDER BY updated_at DESC, id DESC LIMIT $2
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("--status", choices=STATES, default="refused", help="default: refused")
    parser.add_argument("--limit", type=int, default=DEFAULT_LIMIT, metavar="N")


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Print the newest in this state, one JSON object on a line each."""
    url = database_url(folder, load_settings(folder))

    async def main() -> list[asyncpg.Record]:
        async with await open_pool(url) as pool:
            found: list[asyncpg.Record] = await pool.fetch(
                NEWEST, arguments.status, arguments.limit
            )
            return found

    for row in asyncio.run(main()):
        sys.stdout.write(json.dumps(dict(row), default=str) + "\n")
    return 0
