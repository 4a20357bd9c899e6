"""What the commands share that play roles of the hub."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from gridtokenx_hub.bootstrap import BootstrapError
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.commands.context import announce, run_until_stopped
from gridtokenx_hub.database import OUTAGES, StoreError
from gridtokenx_hub.deployment import WrongDeployment
from gridtokenx_hub.process import FIRST_WORKER, Role, run_hub
from gridtokenx_hub.settings import load_settings

ROLE_ERRORS = (BootstrapError, ChainUnavailable, StoreError, WrongDeployment, *OUTAGES)


def play(folder: Path, name: str, roles: Collection[Role], worker: str = FIRST_WORKER) -> int:
    """Play these roles until told to stop; the process announces itself as `name`."""
    settings = load_settings(folder)

    async def main(stop: asyncio.Event) -> None:
        await run_hub(
            folder, settings, roles, stop, lambda **facts: announce(ready=name, **facts), worker
        )

    return run_until_stopped(main)
