"""`gtx-hub wallets`: changes the key that seals the wallets which the hub holds."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from gridtokenx_hub.commands.context import database_url, keys_folder
from gridtokenx_hub.database import StoreError, open_pool
from gridtokenx_hub.settings import load_settings
from gridtokenx_hub.wallets import VaultError, rotate_key

ERRORS = (StoreError, VaultError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser(
        "rotate-key", help="seal all wallets with a new key; broken off, it goes on where it was"
    )


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Change the key, while the hub runs or not, and say where the old one is kept."""
    url = database_url(folder, load_settings(folder))
    key_file = keys_folder(folder) / "wallets.seed"

    async def main() -> dict[str, object]:
        async with await open_pool(url) as pool:
            done = await rotate_key(pool, key_file)
            return {"key_id": done.key_id, "wallets": done.wallets, "retired": str(done.retired)}

    sys.stdout.write(json.dumps(asyncio.run(main())) + "\n")
    return 0
