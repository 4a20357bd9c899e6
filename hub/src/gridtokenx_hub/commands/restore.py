"""`gtx-hub restore`: a backup becomes the database again, and the chain tells it the rest."""

import argparse
import asyncio
import sys
from pathlib import Path

import asyncpg

from gridtokenx_hub.backup import BackupError, Restored, restore
from gridtokenx_hub.backup.reconcile import Chain
from gridtokenx_hub.chain import ChainClient, ChainError
from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.database import StoreError
from gridtokenx_hub.indexer import IndexerError
from gridtokenx_hub.settings import load_settings

ERRORS = (BackupError, ChainError, IndexerError, StoreError, asyncpg.PostgresError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("backup", type=Path, help="the folder that `gtx-hub backup` wrote")
    parser.add_argument(
        "--replace", action="store_true", help="give up what is in the database for it"
    )


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Restore, and say what came from the chain and what is left to do."""
    sys.stdout.write(as_text(asyncio.run(_restore(folder, arguments))) + "\n")
    return 0


async def _restore(folder: Path, arguments: argparse.Namespace) -> Restored:
    settings = load_settings(folder)
    programs, addresses = settings.chain.load_programs(), settings.chain.addresses
    client = ChainClient(settings.chain.rpc_url)
    try:
        return await restore(
            database_url(folder, settings),
            arguments.backup,
            folder,
            Chain(client, programs, addresses),
            replace=arguments.replace,
        )
    finally:
        await client.close()


def as_text(restored: Restored) -> str:
    """Return for a person what was restored, and what to do now."""
    manifest, since = restored.manifest, restored.since
    taken_at = f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    events = ", ".join(f"{name} {count}" for name, count in since.events.items()) or "nothing"
    lines = [
        f"restored {manifest.rows:,} rows of {manifest.deployment} as of {taken_at}",
        f"new epoch {restored.epoch}: devices send again what they still hold",
        f"read from the chain since: {events}; {since.settlements} settlements were not known",
    ]
    lines += [
        f"wallet {wallet} was made after the backup: its key is there, its name and token are not"
        for wallet in since.wallets
    ]
    if restored.withdrawn_codes:
        lines.append(f"{restored.withdrawn_codes} provisioning codes withdrawn: issue new ones")
    lines.append("revoke again the API tokens that were revoked since; then start the hub")
    return "\n".join(lines)
