"""`gtx-hub run`: ingest, settlement, indexer and API in one process."""

import argparse
import asyncio
from typing import Any

from gridtokenx_hub.commands.context import announce, run_until_stopped
from gridtokenx_hub.process import run_hub
from gridtokenx_hub.settings import load_settings


def declare(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser("run", help="run the hub: ingest, settlement, indexer, API")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Run the hub until told to stop."""
    folder = arguments.folder.resolve()
    settings = load_settings(folder)

    async def main(stop: asyncio.Event) -> None:
        await run_hub(folder, settings, stop, lambda **facts: announce(ready="hub", **facts))

    return run_until_stopped(main)
