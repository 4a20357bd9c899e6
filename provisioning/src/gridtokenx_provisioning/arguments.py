"""The command line: which commands there are, and what each can be told."""

import argparse
from pathlib import Path
from typing import Final, TypeAlias

# argparse has no public name for what add_subparsers returns
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - see above

FOLDER: Final = Path("/etc/gridtokenx")
STATE: Final = Path("/var/lib/gridtokenx")
_AGAIN: Final = (
    "Run the same command again after any break: it goes on where it stopped, and nothing happens"
    " twice."
)
_STOPPED: Final = "Stop the agent first: sudo systemctl stop gtx-edge."


def make_parser() -> argparse.ArgumentParser:
    """The parser; ``command`` is the name of the command."""
    parser = argparse.ArgumentParser(
        prog="gtx-provision", description="What an installer runs on the device beside the meter."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_install(commands)
    rotate = _add(commands, "rotate-key", "put a new signing key in the old one's place", _STOPPED)
    rotate.add_argument(
        "--destroy-old-key",
        action="store_true",
        help="also delete the old key from its token, for ever",
    )
    _add_owner(rotate)
    replace = _add(
        commands,
        "replace-meter",
        "go on with another meter in the old one's place",
        "Run it first while the old meter is there, then, when it is exchanged, with --exchanged."
        f" {_STOPPED}",
    )
    replace.add_argument(
        "--exchanged", action="store_true", help="the new meter is there; without: read the old one"
    )
    replace.set_defaults(owner_signed=None)
    _add_meter(replace, required=False)
    transfer = _add(commands, "transfer", "give the meter to another owner", "The agent may run.")
    _add_owner(transfer)
    end = _add(commands, "decommission", "end the meter's service for ever", _STOPPED)
    end.set_defaults(owner_signed=None)
    renew = commands.add_parser("renew", help="renew the certificate when its end is near")
    renew.add_argument("--now", action="store_true", help="whenever it ends")
    _add_hub(renew)
    _add_folder(renew)
    return parser


def _add_install(commands: Commands) -> None:
    install = commands.add_parser(
        "install", help="from a code to a meter that delivers", description=_AGAIN
    )
    install.add_argument("--hub", required=True, metavar="URL", help="address of the hub")
    _add_code(install)
    _add_meter(install, required=True)
    install.add_argument(
        "--clock", choices=("system", "trusted"), default="system", help="who vouches for the time"
    )
    install.add_argument(
        "--pkcs11",
        metavar="URI",
        help="draw the signing key in a token, pkcs11:token=NAME?module-path=FILE; its PIN stands"
        " in token.pin in the folder --state",
    )
    _add_owner(install)
    _add_folder(install)
    install.add_argument(
        "--state", type=Path, default=STATE, help=f"keys and spool (default {STATE})"
    )


def _add(commands: Commands, name: str, text: str, first: str) -> argparse.ArgumentParser:
    """Add a change of an installed meter."""
    command = commands.add_parser(name, help=text, description=f"{first} {_AGAIN}")
    _add_code(command)
    _add_hub(command)
    _add_folder(command)
    return command


def _add_code(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--code", required=True, help="the operator's one-time code; - reads a line of input"
    )
    command.add_argument(
        "--wait", type=int, metavar="S", help="run until the hub has a reading, for S seconds"
    )


def _add_meter(command: argparse.ArgumentParser, *, required: bool) -> None:
    kept = "" if required else "; left out: as before"
    command.add_argument(
        "--profile", required=required, help=f"the meter's model, or a path in .toml{kept}"
    )
    bus = command.add_mutually_exclusive_group(required=required)
    bus.add_argument(
        "--bus-host", metavar="HOST", help=f"the meter or its gateway (Modbus TCP){kept}"
    )
    bus.add_argument(
        "--bus-file", type=Path, metavar="FILE", help="the keys of [meter.bus], for other buses"
    )
    command.add_argument("--bus-port", type=int, metavar="N", help="with --bus-host (default 502)")
    command.add_argument("--bus-unit", type=int, metavar="N", help="with --bus-host (default 1)")
    command.add_argument(
        "--serial", help="serial number on the plate; needed where the meter does not tell it"
    )


def _add_owner(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--owner-signed",
        type=Path,
        metavar="FILE",
        help="transaction that an owner with a wallet of their own has signed",
    )


def _add_hub(command: argparse.ArgumentParser) -> None:
    command.add_argument("--hub", metavar="URL", help="when it is not that of the installation")


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--folder", type=Path, default=FOLDER, help=f"settings and sheets (default {FOLDER})"
    )
    command.add_argument("--json", action="store_true", help="the result on standard output")
    command.set_defaults(state=STATE)
