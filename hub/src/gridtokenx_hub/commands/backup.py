"""`gtx-hub backup`: the database into a folder, while the hub works; or is a backup whole?"""

import argparse
import asyncio
import sys
from pathlib import Path

import asyncpg

from gridtokenx_hub.backup import BackupError, Manifest, back_up, verify
from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.settings import load_settings

ERRORS = (BackupError, asyncpg.PostgresError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="write a backup into a new folder in this one; its path is the first line printed",
    )
    what.add_argument(
        "--verify", type=Path, metavar="BACKUP", help="look at every byte of this backup"
    )


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Take or verify a backup, and say what is in it."""
    backup = arguments.verify or asyncio.run(_take(folder, arguments.to))
    sys.stdout.write(f"{backup}\n{as_text(verify(backup))}\n")
    return 0


async def _take(folder: Path, target: Path) -> Path:
    settings = load_settings(folder)
    client = ChainClient(settings.chain.rpc_url, retry_pauses_s=())
    programs = settings.chain.load_programs()
    try:
        return await back_up(database_url(folder, settings), target, client, programs)
    finally:
        await client.close()


def as_text(manifest: Manifest) -> str:
    """Return for a person what is in a backup, and what is not."""
    marks = ", ".join(f"{name} {m.event_sequence}" for name, m in manifest.watermarks.items())
    schema = manifest.migrations[-1].name if manifest.migrations else "none"
    largest = sorted(manifest.pieces, key=lambda piece: -piece.size_bytes)[:3]
    shares = ", ".join(f"{piece.table} {piece.rows:,} rows" for piece in largest)
    return "\n".join(
        (
            f"taken at {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC, deployment {manifest.deployment}",
            f"schema {schema}, gtx-hub {manifest.hub_version}, PostgreSQL {manifest.postgresql}",
            f"epoch {manifest.epoch}, events: {marks or 'none'}",
            f"{len(manifest.pieces)} tables, {manifest.rows:,} rows, {manifest.size_bytes:,} bytes",
            f"the largest: {shares}",
            f"not in it: {'; '.join(manifest.not_included)}",
        )
    )
