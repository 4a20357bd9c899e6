"""`gtx-guardian`: draws a guardian's keys, shows their public parts, runs it."""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from gridtokenx_guardian import keys, process
from gridtokenx_guardian.config import Config, load_config
from gridtokenx_guardian.errors import GuardianError, StateError
from gridtokenx_guardian.signing import state


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="gtx-guardian", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("guardian.toml"), metavar="FILE")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command, what in (
        (init, "draw both keys, once, and print what the operator appoints"),
        (show, "print the public parts of the keys"),
        (run, "watch both chains and sign"),
    ):
        name = "keys" if command is show else command.__name__
        commands.add_parser(name, help=what).set_defaults(command=command)
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        parsed.command(load_config(parsed.config))
    except GuardianError as error:
        sys.stderr.write(f"gtx-guardian: {error}\n")
        return 1
    return 0


def init(config: Config) -> None:
    """Draw keys and begin their state.

    Raises:
        KeyFileError, StateError: there is a guardian in this folder already.
    """
    if (config.folder / state.STATE).exists():
        raise StateError(f"{config.folder} has the state of a guardian: use another folder")
    drawn = keys.create(config.folder)
    state.create(config.folder, drawn)
    _print_public(drawn)


def show(config: Config) -> None:
    """Print the public parts.

    Raises:
        KeyFileError: a key cannot be used.
    """
    _print_public(keys.load(config.folder))


def run(config: Config) -> None:
    """Run until told to stop.

    Raises:
        GuardianError: keys, state or port cannot be used.
    """
    asyncio.run(process.run(config, _tell_port))


def _tell_port(port: int) -> None:
    print(json.dumps({"port": port}), flush=True)  # noqa: T201 - who starts it reads this


def _print_public(drawn: keys.Keys) -> None:
    public = {"solana": str(drawn.solana.pubkey()), "evm": "0x" + drawn.evm_address.hex()}
    print(json.dumps(public))  # noqa: T201 - the command's result
