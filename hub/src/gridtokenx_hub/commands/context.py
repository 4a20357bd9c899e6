"""What the commands share: the folder's layout, signals, and the word that a process is ready."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from gridtokenx_hub.monitoring.logs import configure_logs
from gridtokenx_hub.settings import Settings


class HubError(RuntimeError):
    """What stops a command; the message says what to do."""


def keys_folder(folder: Path) -> Path:
    """Return where the keys of roles are kept."""
    return folder / "keys"


def certificates_folder(folder: Path) -> Path:
    """Return where the certificate authority lives."""
    return folder / "certificates"


def database_url(folder: Path, settings: Settings) -> str:
    """Return the URL of the database: the setting, or the embedded server's.

    Raises:
        HubError: there is neither.
    """
    if settings.database.url:
        return settings.database.url
    path = embedded_url_path(folder)
    try:
        return path.read_text().strip()
    except OSError as error:
        raise HubError(
            "there is no database: start `gtx-hub database`, or set url under [database]"
        ) from error


def embedded_url_path(folder: Path) -> Path:
    """Return the file in which the embedded server leaves its URL while it runs."""
    return folder / "database.url"


def announce(**facts: Any) -> None:
    """Tell whoever started this process that it is ready: one JSON object on a line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def run_until_stopped(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> int:
    """Run `main` until it ends by itself or SIGTERM or SIGINT sets the event it is given."""
    configure_logs()

    async def supervised() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await main(stop)

    uvloop.run(supervised())
    return 0
