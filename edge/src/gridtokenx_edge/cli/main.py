"""Entry point of ``gtx-edge``."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from gridtokenx_edge.errors import EdgeError
from gridtokenx_edge.logs import configure_logging

_COMMANDS: Final = (
    "run",
    "status",
    "check-config",
    "probe",
    "keys",
    "csr",
    "baseline",
    "read",
    "spool",
)
"""In the order of the help text; each is a module of this package."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 when it did its work, 1 when not: the reason is on standard error in one line.
    """
    parser = argparse.ArgumentParser(
        prog="gtx-edge", description="The agent beside the meter: reads, signs, spools, delivers."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    given = sys.argv[1:] if arguments is None else arguments
    # what others need stays unloaded: a running agent is to leave memory to the rest of a device
    for name in given[:1] if given and given[0] in _COMMANDS else _COMMANDS:
        import_module(f"gridtokenx_edge.cli.{name.replace('-', '_')}").add(commands)
    parsed = parser.parse_args(given)
    configure_logging()
    try:
        return int(parsed.command(parsed))
    except EdgeError as error:
        sys.stderr.write(f"gtx-edge: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
