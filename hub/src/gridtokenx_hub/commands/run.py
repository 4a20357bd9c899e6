"""`gtx-hub run`: ingest, settlement, indexer and API in one process."""

import argparse
import asyncio
from pathlib import Path

from gridtokenx_hub.bootstrap import BootstrapError
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.commands.context import announce, run_until_stopped
from gridtokenx_hub.database import StoreError
from gridtokenx_hub.deployment import WrongDeployment
from gridtokenx_hub.process import run_hub
from gridtokenx_hub.settings import load_settings

ERRORS = (BootstrapError, ChainUnavailable, StoreError, WrongDeployment)


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Run the hub until told to stop."""
    settings = load_settings(folder)

    async def main(stop: asyncio.Event) -> None:
        await run_hub(folder, settings, stop, lambda **facts: announce(ready="hub", **facts))

    return run_until_stopped(main)
