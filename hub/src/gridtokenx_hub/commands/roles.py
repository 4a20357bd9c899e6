"""What the commands share that play roles of the hub."""

import argparse
import asyncio
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Any

from gridtokenx_hub.bootstrap import BootstrapError
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.commands.context import announce, run_until_stopped
from gridtokenx_hub.database import OUTAGES, StoreError
from gridtokenx_hub.deployment import WrongDeployment
from gridtokenx_hub.garbage import collect_rarely
from gridtokenx_hub.process import FIRST_WORKER, Role, run_hub
from gridtokenx_hub.serving import listen
from gridtokenx_hub.settings import load_settings

ROLE_ERRORS = (BootstrapError, ChainUnavailable, StoreError, WrongDeployment, *OUTAGES)
LAST_PORT = 65_535


def add_metrics_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where a process without the API serves its own metrics."""
    parser.add_argument(
        "--metrics-port",
        type=_port,
        metavar="PORT",
        help="serve /metrics, /health and /ready there, 0 for a free one (default: nowhere)",
    )
    parser.add_argument(
        "--metrics-host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="and at this address (default: this machine alone); no token is asked for",
    )


def metrics_listener(arguments: argparse.Namespace) -> socket.socket | None:
    """Open what `add_metrics_arguments` declared, None where nothing is asked for.

    Raises:
        HubError: nobody can listen there.
    """
    if arguments.metrics_port is None:
        return None
    return listen(
        "metrics",
        arguments.metrics_host,
        arguments.metrics_port,
        "choose another --metrics-port or --metrics-host",
    )


def play(
    folder: Path,
    name: str,
    roles: Collection[Role],
    worker: str = FIRST_WORKER,
    metrics: socket.socket | None = None,
) -> int:
    """Play these roles until told to stop; the process announces itself as `name`."""
    settings = load_settings(folder)

    async def main(stop: asyncio.Event) -> None:
        def ready(**facts: Any) -> None:
            collect_rarely()
            announce(ready=name, **facts)

        await run_hub(folder, settings, roles, stop, ready, worker, metrics)

    return run_until_stopped(main)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to {LAST_PORT}")
    return port
