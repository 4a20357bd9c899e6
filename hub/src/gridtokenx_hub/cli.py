"""`gtx-hub`: the commands of the hub, each in a file of its own under `commands/`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gridtokenx_hub.bootstrap import BootstrapError
from gridtokenx_hub.broker.process import BrokerFailed, BrokerMissing
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.commands import broker, chain, database, run, status, token
from gridtokenx_hub.commands.context import HubError
from gridtokenx_hub.database import StoreError
from gridtokenx_hub.deployment import WrongDeployment
from gridtokenx_hub.keys import KeyFileError
from gridtokenx_hub.local_chain import LocalChainError
from gridtokenx_hub.settings import SettingsError

# What stops a command and tells a person what to do; anything else is a defect and shows its trace.
EXPECTED = (
    HubError,
    BrokerFailed,
    BrokerMissing,
    BootstrapError,
    ChainUnavailable,
    LocalChainError,
    StoreError,
    WrongDeployment,
    OSError,
)

COMMANDS = (run, chain, database, broker, token, status)


def parser() -> argparse.ArgumentParser:
    """Build the command line out of what each command declares."""
    result = argparse.ArgumentParser(prog="gtx-hub", description="The GridTokenX hub.")
    result.add_argument(
        "--folder",
        type=Path,
        required=True,
        help="the hub's data folder: hub.toml, keys, certificates and logs live in it",
    )
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.declare(commands)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (2 for a wrong setting, 1 for what stopped it)."""
    chosen = parser().parse_args(arguments)
    try:
        code: int = chosen.execute(chosen)
    except (SettingsError, KeyFileError) as error:
        sys.stderr.write(f"gtx-hub: {error}\n")
        return 2
    except EXPECTED as error:
        sys.stderr.write(f"gtx-hub: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return code
