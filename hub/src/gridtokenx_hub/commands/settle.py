"""`gtx-hub settle`: settlement, which the first of such processes leads, in a process apart."""

import argparse
from pathlib import Path

from gridtokenx_hub.commands.roles import ROLE_ERRORS, play
from gridtokenx_hub.process import Role

ERRORS = ROLE_ERRORS


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Run it until told to stop."""
    return play(folder, "settle", [Role.SETTLE])
