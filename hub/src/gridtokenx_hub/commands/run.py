"""`gtx-hub run`: ingest, settlement, indexer, API and price oracle in one process."""

import argparse
from pathlib import Path

from gridtokenx_hub.commands.roles import ROLE_ERRORS, play
from gridtokenx_hub.process import Role

ERRORS = ROLE_ERRORS


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Run the hub until told to stop."""
    return play(folder, "hub", list(Role))
