"""`gtx-hub ingest`: an ingest worker; any number may run, in a process apart."""

import argparse
from pathlib import Path

from gridtokenx_hub.commands.roles import ROLE_ERRORS, add_metrics_arguments, metrics_listener, play
from gridtokenx_hub.process import FIRST_WORKER, Role

ERRORS = ROLE_ERRORS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--worker",
        default=FIRST_WORKER,
        metavar="NAME",
        help="each worker has a name of its own, the same after a restart (default 1)",
    )
    add_metrics_arguments(parser)


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Run it until told to stop."""
    return play(folder, "ingest", [Role.INGEST], arguments.worker, metrics_listener(arguments))
