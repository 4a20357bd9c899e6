"""``gtx-edge keys``: make and show signing keys; the private part is never shown."""

import argparse
from pathlib import Path

from gridtokenx_edge.cli.common import (
    Commands,
    add_meter,
    chosen_meter,
    describe_key,
    print_json,
)
from gridtokenx_edge.config.load import ALGORITHMS
from gridtokenx_edge.keystore import create_signing_key, load_signer


def add(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add_parser("keys", help="make and show signing keys")
    inner = parser.add_subparsers(required=True, metavar="COMMAND")
    create = inner.add_parser("create", help="draw a key and write it, readable by you alone")
    create.add_argument("--out", type=Path, required=True, help="file to make")
    create.add_argument("--algorithm", choices=tuple(ALGORITHMS), default="ed25519")
    create.set_defaults(command=_create)
    show = inner.add_parser("show", help="print the public key")
    place = show.add_mutually_exclusive_group(required=True)
    place.add_argument("--key", type=Path, help="key file")
    place.add_argument("--config", type=Path, help="settings, a TOML file")
    add_meter(show)
    show.set_defaults(command=_show)


def _create(arguments: argparse.Namespace) -> int:
    signer = create_signing_key(arguments.out, ALGORITHMS[arguments.algorithm])
    print_json(describe_key(signer))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    path = arguments.key or chosen_meter(arguments)[1].key
    print_json(describe_key(load_signer(path)))
    return 0
