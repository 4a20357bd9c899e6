"""`gtx-hub chain`: runs the local chain with our programs in its genesis."""

import argparse
import asyncio
from typing import Any

from gridtokenx_hub.commands.context import announce
from gridtokenx_hub.local_chain import Genesis, serve
from gridtokenx_hub.settings import load_settings
from gridtokenx_programs import PROGRAM_NAMES, load


def declare(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser("chain", help="run the local chain")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Run the local chain until told to stop."""
    folder = arguments.folder.resolve()
    settings = load_settings(folder)
    programs = [load(name) for name in PROGRAM_NAMES]
    genesis = Genesis(programs=tuple((program.id, program.elf()) for program in programs))

    def ready(port: int) -> None:
        announce(ready="chain", port=port)

    asyncio.run(serve(folder / "chain", settings.chain.port, genesis, ready))
    return 0
