"""`gtx-hub broker`: runs the MQTT broker beside the hub, set up by files that we generate."""

import argparse
import asyncio
import datetime as dt
from pathlib import Path

from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.process import BrokerFailed, BrokerMissing, listening, plan_broker, start
from gridtokenx_hub.broker.reread import digest, keep_reread
from gridtokenx_hub.commands.context import (
    announce,
    certificates_folder,
    run_until_stopped,
)
from gridtokenx_hub.settings import load_settings

ERRORS = (BrokerFailed, BrokerMissing)


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """The command has no arguments of its own."""


def execute(folder: Path, _arguments: argparse.Namespace) -> int:
    """Run the broker until told to stop."""
    settings = load_settings(folder)
    authority = CertificateAuthority(certificates_folder(folder), lambda: dt.datetime.now(dt.UTC))
    plan = plan_broker(
        settings.broker.kind,
        folder / "broker",
        settings.broker.port,
        authority,
        settings.broker.name,
    )

    async def main(stop: asyncio.Event) -> None:
        read = digest(plan.reread)
        process = await start(plan, folder / "broker")
        ended = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await listening(settings.broker.port, ended)
            rereading = asyncio.ensure_future(
                keep_reread(process, plan.reread, read, folder / "broker")
            )
            announce(ready="broker", kind=settings.broker.kind, port=settings.broker.port)
            await asyncio.wait({ended, stopped, rereading}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise BrokerFailed(f"the broker ended with code {ended.result()}")
            if rereading.done():
                rereading.result()
        finally:
            stopped.cancel()
            if not ended.done():
                process.terminate()
                await ended

    return run_until_stopped(main)
