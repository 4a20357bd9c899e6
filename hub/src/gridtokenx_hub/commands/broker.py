"""`gtx-hub broker`: runs the MQTT broker beside the hub, set up by files that we generate."""

import argparse
import asyncio
import datetime as dt
import socket
from typing import Any

from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.process import LOOPBACK, plan_broker
from gridtokenx_hub.commands.context import (
    HubError,
    announce,
    certificates_folder,
    run_until_stopped,
)
from gridtokenx_hub.settings import load_settings

READY_TIMEOUT_S = 20
PROBE_PAUSE_S = 0.02


def declare(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser("broker", help="run the MQTT broker")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    """Run the broker until told to stop."""
    folder = arguments.folder.resolve()
    settings = load_settings(folder)
    authority = CertificateAuthority(certificates_folder(folder), lambda: dt.datetime.now(dt.UTC))
    plan = plan_broker(settings.broker.kind, folder / "broker", settings.broker.port, authority)

    async def main(stop: asyncio.Event) -> None:
        process = await asyncio.create_subprocess_exec(*plan.command)
        ended = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await _listening(settings.broker.port, ended)
            announce(ready="broker", kind=settings.broker.kind, port=settings.broker.port)
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise HubError(f"the broker ended with code {ended.result()}")
        finally:
            stopped.cancel()
            if not ended.done():
                process.terminate()
                await ended

    return run_until_stopped(main)


async def _listening(port: int, ended: asyncio.Future[int]) -> None:
    async with asyncio.timeout(READY_TIMEOUT_S):
        while not ended.done():
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    return
            await asyncio.sleep(PROBE_PAUSE_S)
    raise HubError(f"the broker did not start: is port {port} free?")
