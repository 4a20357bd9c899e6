"""`gtx-hub treasury`: the GRX from which the sellers are paid of what is bought in baht."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from gridtokenx_hub.bootstrap import mint_to_treasury
from gridtokenx_hub.commands.acting import ACTING_ERRORS, acting
from gridtokenx_hub.settings import load_settings
from gridtokenx_protocol.errors import UnitError
from gridtokenx_protocol.units import format_grx, parse_grx

ERRORS = ACTING_ERRORS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--mint", type=_grx, metavar="GRX", help="mint so much to it, under the cap"
    )


def _grx(text: str) -> int:
    try:
        amount = parse_grx(text)
    except UnitError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error
    if amount == 0:
        raise argparse.ArgumentTypeError("give an amount, or leave --mint out")
    return amount


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Mint if asked to; print the treasury's address, account and balance as JSON."""
    settings = load_settings(folder)

    async def main() -> dict[str, Any]:
        async with acting(folder, settings) as hub:
            treasury = hub.keys.treasury.pubkey()
            account = hub.addresses.associated_token(treasury, hub.addresses.grx_mint())
            shown: dict[str, Any] = {"treasury": str(treasury), "grx_account": str(account)}
            if arguments.mint is not None:
                confirmed = await mint_to_treasury(
                    hub.sender, hub.programs, hub.addresses, hub.keys, arguments.mint
                )
                shown["tx_signature"] = confirmed.signature
            return shown | {"grx": str(format_grx(await hub.client.token_balance(account)))}

    sys.stdout.write(json.dumps(asyncio.run(main())) + "\n")
    return 0
