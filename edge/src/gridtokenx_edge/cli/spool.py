"""``gtx-edge spool``: look into a spool, also while the agent runs."""

import argparse

from gridtokenx_edge.checkpoint import Checkpoint, checkpoint_path
from gridtokenx_edge.cli.common import Commands, add_config, add_meter, chosen_meter, print_json
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.spool.inspect import stats, verify
from gridtokenx_edge.spool.schema import open_for_reading


def add(commands: Commands) -> None:
    """Add the commands."""
    parser = commands.add_parser("spool", help="look into a spool")
    inner = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("stats", _stats, "print its figures"),
        ("verify", _verify, "check signatures and the hash chain of all that it holds"),
    ):
        chosen = inner.add_parser(name, help=text)
        add_config(chosen)
        add_meter(chosen)
        chosen.set_defaults(command=command)


def _stats(arguments: argparse.Namespace) -> int:
    _, meter = chosen_meter(arguments)
    connection = open_for_reading(meter.spool.path)
    print_json(stats(connection))
    connection.close()
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    _, meter = chosen_meter(arguments)
    signer = load_signer(meter.key)
    checkpoint = Checkpoint.load(checkpoint_path(meter.key), signer)
    earlier = checkpoint.earlier if checkpoint else ()
    connection = open_for_reading(meter.spool.path)
    report = verify(connection, (*earlier, signer.public_key))
    connection.close()
    print_json(
        {
            "ok": not report.problems,
            "readings": report.readings,
            "holes": [[hole.first, hole.last] for hole in report.holes],
            "problems": report.problems,
        }
    )
    return 1 if report.problems else 0
