"""`gtx-hub registrar`: signs what registers and changes meters; nothing else opens its key."""

import argparse
import asyncio
import datetime as dt
from pathlib import Path

from gridtokenx_hub.commands.context import (
    announce,
    database_url,
    keys_folder,
    run_until_stopped,
)
from gridtokenx_hub.database import OUTAGES, StoreError, migrate, open_pool
from gridtokenx_hub.keys import load_registrar
from gridtokenx_hub.registrar.registrar import Registrar
from gridtokenx_hub.settings import load_settings

ERRORS = (StoreError, *OUTAGES)


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Run the registrar until told to stop."""
    settings = load_settings(folder)
    url = database_url(folder, settings)
    key = load_registrar(keys_folder(folder))
    programs, addresses = settings.chain.load_programs(), settings.chain.addresses

    async def main(stop: asyncio.Event) -> None:
        async with await open_pool(url) as pool:
            await migrate(pool)
            registrar = Registrar(pool, key, programs, addresses, lambda: dt.datetime.now(dt.UTC))
            announce(ready="registrar", address=str(key.pubkey()))
            await registrar.run(stop)

    return run_until_stopped(main)
