"""`gtx-hub database`: runs the embedded PostgreSQL of this folder."""

import argparse
import asyncio
import os
from pathlib import Path

from gridtokenx_hub.commands.context import announce, embedded_url_path, run_until_stopped
from gridtokenx_hub.database import EmbeddedPostgres, StoreError

ERRORS = (StoreError,)


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Run the server until told to stop; its URL is in a private file meanwhile."""

    async def main(stop: asyncio.Event) -> None:
        server = EmbeddedPostgres(folder / "database")
        url = await server.start()
        url_path = embedded_url_path(folder)
        _write_private(url_path, url)
        try:
            announce(ready="database")
            await stop.wait()
        finally:
            url_path.unlink(missing_ok=True)
            await server.stop()

    return run_until_stopped(main)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
