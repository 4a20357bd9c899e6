"""``gtx-edge csr``: the TLS key of a meter's connection, and the request for its certificate."""

import argparse
from pathlib import Path

from gridtokenx_edge.cli.common import (
    Commands,
    add_config,
    add_meter,
    chosen_meter,
    print_text,
)
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.keystore.tls import certificate_request

_ID_DIGITS = 32


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "csr",
        help="make the TLS key if it is not there, and print a certificate request",
        description="Give --config, or --meter-id and --out.",
    )
    add_config(parser, required=False)
    add_meter(parser)
    parser.add_argument("--meter-id", metavar="ID", help="32 hex digits: the common name")
    parser.add_argument("--out", type=Path, help="TLS key file to make or use")
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    meter_id, key = _meter_and_key(arguments)
    print_text(certificate_request(key, meter_id).decode())
    return 0


def _meter_and_key(arguments: argparse.Namespace) -> tuple[bytes, Path]:
    if arguments.config is not None:
        config, meter = chosen_meter(arguments)
        if arguments.out is not None:
            return meter.id, Path(arguments.out)
        if meter.broker.tls is None:
            raise ConfigError(f"{config.file}: meter.broker.tls.key: missing; add it, or say --out")
        return meter.id, meter.broker.tls.key
    if arguments.meter_id is None or arguments.out is None:
        raise ConfigError("say --config, or both --meter-id and --out")
    try:
        meter_id = bytes.fromhex(arguments.meter_id)
    except ValueError:
        meter_id = b""
    if len(arguments.meter_id) != _ID_DIGITS or not meter_id:
        raise ConfigError(f"--meter-id has {_ID_DIGITS} hex digits")
    return meter_id, Path(arguments.out)
