"""`gtx-hub evm`: the hub's own addresses on the EVM chain, for the owner of the bridge."""

import argparse
import json
import sys
from pathlib import Path

from gridtokenx_hub.bridge.keys import quote_key, relay_key
from gridtokenx_hub.commands.context import keys_folder
from gridtokenx_programs.evm import address_of_key
from gridtokenx_programs.evm.words import checksummed

ERRORS = ()


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments: none."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Print who signs quotes (`setQuoteSigner`), and who pays for releases (give it some ether)."""
    keys = keys_folder(folder)
    addresses = {
        name: checksummed(address_of_key(key))
        for name, key in (("quote_signer", quote_key(keys)), ("relay", relay_key(keys)))
    }
    sys.stdout.write(json.dumps(addresses) + "\n")
    return 0
