"""`gtx-hub token`: makes and revokes the bearer tokens of people who run the hub."""

import argparse
import asyncio
import sys
from pathlib import Path

from gridtokenx_hub.api.auth import create_token
from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.database import StoreError, open_pool
from gridtokenx_hub.settings import load_settings

ERRORS = (StoreError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("--role", choices=("operator", "installer"), required=True)


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Print a new token for the role."""
    url = database_url(folder, load_settings(folder))

    async def main() -> str:
        async with await open_pool(url) as pool:
            return await create_token(pool, arguments.role)

    sys.stdout.write(asyncio.run(main()) + "\n")
    return 0
