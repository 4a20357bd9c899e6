"""`gtx-hub token`: makes and revokes the bearer tokens of people who run the hub."""

import argparse
import asyncio
import sys
from typing import Any

from gridtokenx_hub.api.auth import create_token
from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.settings import load_settings


def declare(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser("token", help="make a bearer token; it is shown once")
    parser.add_argument("--role", choices=("operator", "installer"), required=True)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Print a new token for the role."""
    folder = arguments.folder.resolve()
    url = database_url(folder, load_settings(folder))

    async def main() -> str:
        async with await open_pool(url) as pool:
            return await create_token(pool, arguments.role)

    sys.stdout.write(asyncio.run(main()) + "\n")
    return 0
