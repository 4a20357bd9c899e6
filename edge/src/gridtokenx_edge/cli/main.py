"""Entry point of ``gtx-edge``."""

import argparse
import sys
from collections.abc import Sequence

from gridtokenx_edge.cli import baseline, check_config, csr, keys, probe, read, run, spool, status
from gridtokenx_edge.errors import EdgeError
from gridtokenx_edge.logs import configure_logging


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 when it did its work, 1 when not: the reason is on standard error in one line.
    """
    parser = argparse.ArgumentParser(
        prog="gtx-edge", description="The agent beside the meter: reads, signs, spools, delivers."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (run, status, check_config, probe, keys, csr, baseline, read, spool):
        module.add(commands)
    parsed = parser.parse_args(arguments)
    configure_logging()
    try:
        return int(parsed.command(parsed))
    except EdgeError as error:
        sys.stderr.write(f"gtx-edge: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
