"""`gtx-hub command`: asks a device to read now, or to send its readings again."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from gridtokenx_hub.commands.context import database_url
from gridtokenx_hub.database import StoreError, open_pool
from gridtokenx_hub.devices import UnknownMeter, command
from gridtokenx_hub.settings import load_settings
from gridtokenx_protocol.command import CommandKind
from gridtokenx_protocol.errors import ProtocolError

ERRORS = (StoreError, UnknownMeter, ProtocolError)
KINDS = {"read-now": CommandKind.READ_NOW, "send-again": CommandKind.SEND_AGAIN}
EXPIRES_S = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("meter", type=_meter_id, help="the meter's id, 32 hex digits")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument(
        "--from",
        dest="from_sequence",
        type=int,
        default=0,
        metavar="SEQUENCE",
        help="with send-again: the first reading",
    )
    parser.add_argument(
        "--expires-s", type=int, default=EXPIRES_S, help=f"how long it counts ({EXPIRES_S})"
    )


def _meter_id(text: str) -> bytes:
    meter_id = bytes.fromhex(text)
    if len(meter_id) != 16:
        raise ValueError(text)
    return meter_id


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Put the command into the outbox; the hub's process signs and sends it."""
    url = database_url(folder, load_settings(folder))

    async def main() -> int:
        async with await open_pool(url) as pool:
            return await command(
                pool,
                arguments.meter,
                KINDS[arguments.kind],
                arguments.from_sequence,
                arguments.expires_s,
                time.time_ns() // 1_000_000,
            )

    sys.stdout.write(json.dumps({"number": asyncio.run(main())}) + "\n")
    return 0
