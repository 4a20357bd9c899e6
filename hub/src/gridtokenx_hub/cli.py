"""`gtx-hub`: the commands of the hub, each in a file of its own under `commands/`."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from gridtokenx_hub.commands.context import HubError
from gridtokenx_hub.keys import KeyFileError
from gridtokenx_hub.settings import SettingsError

# A command is imported when it is chosen: a question about the status need not load the chain.
COMMANDS = {
    "run": "run the hub: ingest, settlement, indexer, API, price oracle and bridge",
    "ingest": "run an ingest worker alone",
    "settle": "run settlement alone",
    "index": "run the indexer alone, or make its tables anew",
    "api": "run the API and the pages alone",
    "bridge": "run the price oracle and the bridge's listener and relay alone",
    "chain": "run the local chain",
    "database": "run the embedded PostgreSQL",
    "broker": "run the MQTT broker",
    "registrar": "run the registrar, who signs for meters",
    "guardians": "appoint those who attest payments in baht, or show them",
    "treasury": "mint GRX to the treasury, which pays for what is bought in baht",
    "oracle": "show where the rate of GRX in baht stands, set or revoke one's own",
    "wallets": "change the key that seals the hub's wallets",
    "token": "make, list and revoke bearer tokens",
    "command": "ask a device to read now, or to send readings again",
    "status": "show what the hub has done so far, as JSON",
    "settlements": "show what the chain refused or what waits, with the reasons",
    "explain": "from minted tokens back to the meter, each step checked",
    "backup": "write the database into a folder, or verify such a backup",
    "restore": "fill the database from a backup, and bring it to where the chain stands",
    "audit": "check by database and chain that the design's invariants hold",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of what comes before a command's own arguments."""
    width = max(map(len, COMMANDS))
    result = argparse.ArgumentParser(
        prog="gtx-hub",
        description="The GridTokenX hub.",
        epilog="commands:\n"
        + "\n".join(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--folder",
        type=Path,
        required=True,
        help="the hub's data folder: hub.toml, keys, certificates and data live in it",
    )
    result.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    result.add_argument("arguments", nargs=argparse.REMAINDER, help="the command's own")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (2 for a wrong setting, 1 for what stopped it)."""
    chosen = parser().parse_args(arguments)
    command = importlib.import_module(f"gridtokenx_hub.commands.{chosen.command}")
    own = argparse.ArgumentParser(
        prog=f"gtx-hub --folder … {chosen.command}", description=COMMANDS[chosen.command]
    )
    command.add_arguments(own)
    options = own.parse_args(chosen.arguments)
    # What stops a command and tells a person what to do; anything else is a defect and shows its
    # trace.
    expected = (HubError, OSError, *command.ERRORS)
    try:
        code: int = command.execute(chosen.folder.resolve(), options)
    except (SettingsError, KeyFileError) as error:
        sys.stderr.write(f"gtx-hub: {error}\n")
        return 2
    except expected as error:
        sys.stderr.write(f"gtx-hub: {error}\n")
        return 1
    return code
