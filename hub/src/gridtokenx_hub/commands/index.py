"""`gtx-hub index`: the indexer in a process apart, or with `--rebuild` its tables made anew."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from gridtokenx_hub.assembly import INDEX_POLL_S
from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.commands.context import HubError, database_url
from gridtokenx_hub.commands.roles import ROLE_ERRORS, add_metrics_arguments, metrics_listener, play
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.indexer import Indexer, IndexerError
from gridtokenx_hub.process import Role
from gridtokenx_hub.settings import ChainSettings, load_settings

ERRORS = (*ROLE_ERRORS, IndexerError)
LEAD_TIMEOUT_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="make every table that the chain's events fill anew from the chain, and end",
    )
    add_metrics_arguments(parser)


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Run the indexer until told to stop, or rebuild its tables."""
    if not arguments.rebuild:
        return play(folder, "index", [Role.INDEX], metrics=metrics_listener(arguments))
    settings = load_settings(folder)
    url = database_url(folder, settings)
    begun = time.perf_counter()
    events = asyncio.run(rebuild(url, settings.chain))
    seconds = round(time.perf_counter() - begun, 1)
    sys.stdout.write(json.dumps({"events": events, "seconds": seconds}) + "\n")
    return 0


async def rebuild(url: str, chain: ChainSettings) -> dict[str, int]:
    """Rebuild the tables of this database from this chain; return the events of each program.

    Raises:
        HubError: another process indexes.
        IndexerError, ChainUnavailable: the chain does not show every event; nothing is changed.
    """
    programs = chain.load_programs()
    client = ChainClient(chain.rpc_url)
    try:
        async with await open_pool(url) as pool:
            return await Indexer(pool, client, programs, INDEX_POLL_S).rebuild(LEAD_TIMEOUT_S)
    except TimeoutError as error:
        raise HubError("another process indexes: stop `gtx-hub run` or `index` first") from error
    finally:
        await client.close()
