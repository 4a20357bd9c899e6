"""`gtx-hub broker`: runs the MQTT broker beside the hub, set up by files that we generate."""

import argparse
import datetime as dt
from pathlib import Path

from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.keeper import keep_broker
from gridtokenx_hub.broker.process import BrokerFailed, BrokerMissing, plan_broker
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

    def ready() -> None:
        announce(ready="broker", kind=settings.broker.kind, port=settings.broker.port)

    return run_until_stopped(lambda stop: keep_broker(plan, folder / "broker", stop, ready))
