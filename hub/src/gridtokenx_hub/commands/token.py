"""`gtx-hub token`: makes, lists and revokes bearer tokens."""

import argparse
import asyncio
import datetime as dt
import json
import sys
from pathlib import Path
from typing import get_args

import asyncpg

from gridtokenx_hub.api.access.auth import Role, create_token
from gridtokenx_hub.api.access.tokens import list_tokens, revoke_token
from gridtokenx_hub.commands.context import HubError, database_url
from gridtokenx_hub.database import StoreError, open_pool
from gridtokenx_hub.settings import load_settings

ERRORS = (StoreError,)
LONGEST_DAYS = 3650


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    create = verbs.add_parser("create", help="make a token; it is shown once")
    create.add_argument("--role", choices=get_args(Role), required=True)
    create.add_argument("--user", type=int, metavar="N", help="whose; for the role user")
    create.add_argument("--label", default="", help="what people know it by")
    create.add_argument(
        "--expires", type=_days, metavar="DAYS", help="left out: good until it is revoked"
    )
    listing = verbs.add_parser("list", help="show the tokens and sessions that are good now")
    listing.add_argument("--user", type=int, metavar="N", help="this user's alone")
    revoke = verbs.add_parser("revoke", help="end a token, and the sessions made from it")
    revoke.add_argument("token_id", type=int, metavar="ID", help="as `list` shows it")


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(text)
    return days


def execute(folder: Path, arguments: argparse.Namespace) -> int:
    """Do what the verb says; `create` prints the token, `list` one JSON object on a line each."""
    url = database_url(folder, load_settings(folder))

    async def main() -> None:
        async with await open_pool(url) as pool:
            await _VERBS[arguments.verb](pool, arguments)

    asyncio.run(main())
    return 0


async def _create(pool: asyncpg.Pool, arguments: argparse.Namespace) -> None:
    if (arguments.role == "user") != (arguments.user is not None):
        raise HubError("--user N goes with --role user, and always")
    expires_at = None
    if arguments.expires is not None:
        expires_at = dt.datetime.now(dt.UTC) + dt.timedelta(days=arguments.expires)
    try:
        token = await create_token(
            pool, arguments.role, arguments.user, expires_at, label=arguments.label
        )
    except asyncpg.ForeignKeyViolationError:
        raise HubError(f"there is no user {arguments.user}") from None
    sys.stdout.write(token + "\n")


async def _list(pool: asyncpg.Pool, arguments: argparse.Namespace) -> None:
    for row in await list_tokens(pool, dt.datetime.now(dt.UTC), arguments.user):
        shown = dict(row) | {"is_session": row["parent_id"] is not None}
        sys.stdout.write(json.dumps(shown, default=str) + "\n")


async def _revoke(pool: asyncpg.Pool, arguments: argparse.Namespace) -> None:
    if not await revoke_token(pool, dt.datetime.now(dt.UTC), arguments.token_id):
        raise HubError(f"there is no token {arguments.token_id} that is good: see `token list`")


_VERBS = {"create": _create, "list": _list, "revoke": _revoke}
