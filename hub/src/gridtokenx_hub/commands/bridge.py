"""`gtx-hub bridge`: what payments in baht need, relay and price oracle, in a process apart."""

import argparse
import json
import sys
from pathlib import Path

from gridtokenx_hub.commands.context import HubError, keys_folder
from gridtokenx_hub.commands.roles import ROLE_ERRORS, add_metrics_arguments, metrics_listener, play
from gridtokenx_hub.process import Role
from gridtokenx_hub.settings import load_settings

ERRORS = ROLE_ERRORS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--addresses",
        action="store_true",
        help="print which addresses sign quotes and pay for releases on the EVM chain, and end",
    )
    add_metrics_arguments(parser)


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Run it until told to stop."""
    settings = load_settings(folder)
    if arguments.addresses:
        sys.stdout.write(json.dumps(_addresses(keys_folder(folder))) + "\n")
        return 0
    if settings.oracle is None and settings.bridge is None:
        raise HubError(
            "there is nothing to do: say in [oracle] of hub.toml where the rate is from, or in"
            " [bridge] where baht are paid"
        )
    return play(folder, "bridge", [Role.BRIDGE], metrics=metrics_listener(arguments))


def _addresses(keys: Path) -> dict[str, str]:
    """Return the EVM addresses of the hub's own keys, which are drawn when absent."""
    # Only a hub that sells for baht loads this.
    from gridtokenx_hub.bridge.keys import quote_key, relay_key  # noqa: PLC0415 - for that reason
    from gridtokenx_programs.evm import address_of_key  # noqa: PLC0415 - likewise

    own = {"quote_signer": quote_key(keys), "relay": relay_key(keys)}
    return {name: f"0x{address_of_key(key).hex()}" for name, key in own.items()}
