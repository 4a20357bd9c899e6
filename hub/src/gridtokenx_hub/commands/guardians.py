"""`gtx-hub guardians`: who attests payments in baht on Solana, and for which bridge."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from solders.pubkey import Pubkey

from gridtokenx_hub.bootstrap import appoint_guardians, guardians_in_office
from gridtokenx_hub.commands.acting import ACTING_ERRORS, acting
from gridtokenx_hub.commands.context import HubError
from gridtokenx_hub.settings import load_settings

ERRORS = ACTING_ERRORS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--key",
        dest="guardians",
        nargs="+",
        action="extend",
        type=_key,
        metavar="BASE58",
        help="appoint these guardians, by their Ed25519 keys; left out: show those in office",
    )
    parser.add_argument("--threshold", type=int, metavar="M", help="how many of them must sign")


def _key(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no key: 32 bytes in base58") from error


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Appoint the guardians unless they are in office; print the set in force as JSON."""
    settings = load_settings(folder)
    guardians, threshold, bridge = arguments.guardians, arguments.threshold, settings.bridge
    if (guardians is None) != (threshold is None):
        raise HubError("--key and --threshold go together")
    if guardians is not None and bridge is None:
        raise HubError("guardians are appointed for a bridge: set chain_id and address in [bridge]")

    async def main() -> dict[str, Any] | None:
        async with acting(folder, settings) as hub:
            trading, addresses = hub.programs["trading"], hub.addresses
            if guardians is None or bridge is None:
                return await guardians_in_office(hub.client, trading, addresses)
            return await appoint_guardians(
                hub.client,
                hub.sender,
                trading,
                addresses,
                hub.keys.authority,
                guardians,
                threshold,
                bridge.id,
            )

    in_force = asyncio.run(main())
    sys.stdout.write(json.dumps(None if in_force is None else _shown(in_force)) + "\n")
    return 0


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "epoch": found["epoch"],
        "threshold": found["threshold"],
        "guardians": [str(guardian) for guardian in found["guardians"]],
        "chain_id": found["evm_chain_id"],
        "bridge": f"0x{found['bridge'].hex()}",
    }
