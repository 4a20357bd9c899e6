"""`gtx-hub oracle`: how the rate of GRX in baht is doing, and an operator's own rate."""

import argparse
import asyncio
import datetime as dt
import getpass
import sys
from pathlib import Path

import asyncpg

from gridtokenx_hub.api.http.exact_json import dumps
from gridtokenx_hub.api.http.models import Out
from gridtokenx_hub.api.operating.oracle import oracle_state, shown_manual_rate
from gridtokenx_hub.commands.context import HubError, database_url
from gridtokenx_hub.database import StoreError, migrate, open_pool
from gridtokenx_hub.oracle.errors import ManualRateRefused
from gridtokenx_hub.oracle.manual import revoke_manual_rate, set_manual_rate
from gridtokenx_hub.settings import load_settings
from gridtokenx_protocol.errors import UnitError
from gridtokenx_protocol.units import parse_grx

ERRORS = (StoreError, ManualRateRefused)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    verbs = parser.add_subparsers(dest="verb", help="left out: show the state")
    manual = verbs.add_parser(
        "set", help="a rate for when the sources do not do, or to confirm one"
    )
    manual.add_argument("--rate", type=_rate, required=True, metavar="THB", help="of one GRX")
    manual.add_argument("--reason", required=True)
    manual.add_argument(
        "--until", type=_instant, required=True, help="such as 2026-11-24T06:00Z; at most a day"
    )
    verbs.add_parser("revoke", help="end the rate that was set")


def _rate(text: str) -> int:
    try:
        return parse_grx(text)
    except UnitError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error


def _instant(text: str) -> dt.datetime:
    try:
        told = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no instant: 2026-11-24T06:00Z is") from error
    if told.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no offset: end it with Z, or with +07:00")
    return told


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Do what the verb says; print the state, or the rate that was set, as JSON."""
    url = database_url(folder, load_settings(folder))

    async def main() -> Out:
        async with await open_pool(url) as pool:
            await migrate(pool)
            return await _do(pool, arguments)

    sys.stdout.write(dumps(asyncio.run(main()).content()) + "\n")
    return 0


async def _do(pool: asyncpg.Pool, arguments: argparse.Namespace) -> Out:
    now, who = dt.datetime.now(dt.UTC), f"command line: {getpass.getuser()}"
    match arguments.verb:
        case "set":
            rate = await set_manual_rate(
                pool, arguments.rate, arguments.reason, who, arguments.until, now
            )
            return shown_manual_rate(rate)
        case "revoke" if not await revoke_manual_rate(pool, who, now):
            raise HubError("no rate of an operator is in force")
    return await oracle_state(pool, now)
