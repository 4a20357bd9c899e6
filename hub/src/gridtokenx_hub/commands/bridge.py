"""`gtx-hub bridge`: what payments in baht need, the price oracle so far, in a process apart."""

import argparse
from pathlib import Path

from gridtokenx_hub.commands.context import HubError
from gridtokenx_hub.commands.roles import ROLE_ERRORS, play
from gridtokenx_hub.process import Role
from gridtokenx_hub.settings import load_settings

ERRORS = ROLE_ERRORS


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Run it until told to stop."""
    if load_settings(folder).oracle is None:
        raise HubError("there is nothing to do: say in [oracle] of hub.toml where the rate is from")
    return play(folder, "bridge", [Role.BRIDGE])
