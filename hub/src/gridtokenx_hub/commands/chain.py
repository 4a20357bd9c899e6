"""`gtx-hub chain`: runs the local chain with our programs in its genesis."""

import argparse
import asyncio
from pathlib import Path

from gridtokenx_hub.commands.context import announce, run_until_stopped
from gridtokenx_hub.local_chain import Genesis, LocalChainError, serve
from gridtokenx_hub.settings import load_settings

ERRORS = (LocalChainError,)


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Run the local chain until told to stop."""
    settings = load_settings(folder)
    programs = settings.chain.load_programs().values()
    genesis = Genesis(programs=tuple((program.id, program.elf()) for program in programs))

    def ready(port: int) -> None:
        announce(ready="chain", port=port)

    async def main(stop: asyncio.Event) -> None:
        await serve(folder / "chain", settings.chain.port, genesis, ready, stop)

    return run_until_stopped(main)
