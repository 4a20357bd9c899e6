"""`gtx-hub settle`: settlement, which the first of such processes leads, in a process apart."""

import argparse
from pathlib import Path

from gridtokenx_hub.commands.roles import ROLE_ERRORS, add_metrics_arguments, metrics_listener, play
from gridtokenx_hub.process import Role

ERRORS = ROLE_ERRORS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_metrics_arguments(parser)


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Run it until told to stop."""
    return play(folder, "settle", [Role.SETTLE], metrics=metrics_listener(arguments))
