"""``gtx-edge check-config``: everything that can be checked without a meter or a broker."""

import argparse

from gridtokenx_edge.cli.common import Commands, add_config, print_json
from gridtokenx_edge.config import check_files, load_config
from gridtokenx_edge.errors import ConfigError
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.uplink.connection import tls_context


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("check-config", help="check the settings and the files they name")
    add_config(parser)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    check_files(config)
    for meter in config.meters:
        load_signer(meter.key)
        if meter.broker.tls is not None:
            tls_context(meter.broker.tls)
        if not meter.spool.path.parent.is_dir():
            raise ConfigError(
                f"{config.file}: meter.spool.path: there is no folder {meter.spool.path.parent};"
                " make it"
            )
    print_json({"ok": True, "meters": [meter.id.hex() for meter in config.meters]})
    return 0
