"""Runs a local chain: `python -m gridtokenx_hub.local_chain FOLDER PORT [--program ADDRESS FILE]`.

Prints the port on standard output once the chain answers.
"""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop
from solders.pubkey import Pubkey

from gridtokenx_hub.local_chain.errors import LocalChainError
from gridtokenx_hub.local_chain.genesis import Genesis
from gridtokenx_hub.local_chain.server import serve


def main() -> None:
    """Read the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m gridtokenx_hub.local_chain")
    parser.add_argument("folder", type=Path, help="where the ledger is, created when absent")
    parser.add_argument("port", type=int, help="port on 127.0.0.1; 0 lets the system choose")
    parser.add_argument(
        "--program",
        nargs=2,
        action="append",
        default=[],
        metavar=("ADDRESS", "FILE"),
        help="a program that is on the chain from its first slot",
    )
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    try:
        programs = tuple(
            (Pubkey.from_string(address), Path(file).read_bytes())
            for address, file in given.program
        )
        uvloop.run(_run(given.folder, given.port, Genesis(programs)))
    except (LocalChainError, OSError, ValueError) as error:
        sys.exit(f"local chain: {error}")


async def _run(folder: Path, port: int, genesis: Genesis) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(folder, port, genesis, _say_port, stop)


def _say_port(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


main()
