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
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.keystore import (
    TokenKey,
    create_signing_key,
    load_signer,
    parse_token_key,
)


def add(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add_parser("keys", help="make and show signing keys")
    inner = parser.add_subparsers(required=True, metavar="COMMAND")
    create = inner.add_parser("create", help="draw a key and write it, readable by you alone")
    where = create.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="file to make")
    _add_token(create, where)
    create.add_argument("--algorithm", choices=tuple(ALGORITHMS), default="ed25519")
    create.set_defaults(command=_create)
    show = inner.add_parser("show", help="print the public key")
    place = show.add_mutually_exclusive_group(required=True)
    place.add_argument("--key", type=Path, help="key file")
    place.add_argument("--config", type=Path, help="settings, a TOML file")
    _add_token(show, place)
    add_meter(show)
    show.set_defaults(command=_show)


def _add_token(
    parser: argparse.ArgumentParser,
    place: "argparse._MutuallyExclusiveGroup",
) -> None:
    place.add_argument("--pkcs11", metavar="URI", help="a P-256 key in a token, as in the settings")
    parser.add_argument("--pin", type=Path, help="file with the token's PIN, mode 0600")


def _create(arguments: argparse.Namespace) -> int:
    source = arguments.out or _token_key(arguments)
    print_json(describe_key(create_signing_key(source, ALGORITHMS[arguments.algorithm])))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    if arguments.config is not None:
        source = chosen_meter(arguments)[1].key
    else:
        source = arguments.key or _token_key(arguments)
    print_json(describe_key(load_signer(source)))
    return 0


def _token_key(arguments: argparse.Namespace) -> TokenKey:
    if arguments.pin is None:
        raise ConfigError("say --pin with the file that holds the PIN")
    return parse_token_key(arguments.pkcs11, arguments.pin)
