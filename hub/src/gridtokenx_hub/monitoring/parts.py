"""Whether the parts that a hub stands on answer."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from gridtokenx_hub.audit.chain_state import events_sent
from gridtokenx_hub.chain import ChainError
from gridtokenx_hub.leadership import DATABASE_ERRORS

if TYPE_CHECKING:
    from gridtokenx_hub.api.context import ApiContext

TIMEOUT_S = 3.0
LARGEST_LAG_EVENTS = 1_000
"""A hub that is further behind the chain shows people what is no longer so."""

PARTS = ("database", "chain", "indexer", "broker")
WATERMARKS = "SELECT program, event_sequence FROM watermarks"


async def unready(context: "ApiContext") -> dict[str, str]:
    """Return why each part that is not ready is not, by its name; empty when all are."""
    checks = (_database(context), _chain(context), _indexer(context), _broker(context))
    said = await asyncio.gather(*map(_told, checks))
    return {name: why for name, why in zip(PARTS, said, strict=True) if why}


async def index_lag(context: "ApiContext") -> dict[str, int]:
    """Return how many events each program has sent that the database does not have yet.

    Raises:
        ChainError: the node does not answer.
        DATABASE_ERRORS: the database does not.
    """
    rows = await context.pool.fetch(WATERMARKS)  # first: what is sent meanwhile is no lag below 0
    seen = {row["program"]: row["event_sequence"] for row in rows}
    sent = await events_sent(context.client, context.programs, context.addresses)
    return {program: max(count - seen.get(program, 0), 0) for program, count in sent.items()}


async def _told(check: Awaitable[str]) -> str:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await check
    except TimeoutError:
        return f"no answer in {TIMEOUT_S} s"
    except (*DATABASE_ERRORS, ChainError) as error:
        return type(error).__name__


async def _database(context: "ApiContext") -> str:
    await context.pool.fetchval("SELECT 1")
    return ""


async def _chain(context: "ApiContext") -> str:
    await context.client.slot()
    return ""


async def _indexer(context: "ApiContext") -> str:
    if blocked := context.indexer.blocked:  # known where it leads; elsewhere the lag tells
        return "; ".join(f"{program}: {error}" for program, error in blocked.items())
    behind = max((await index_lag(context)).values())
    return f"{behind} events behind" if behind > LARGEST_LAG_EVENTS else ""


async def _broker(context: "ApiContext") -> str:
    _, writer = await asyncio.open_connection(context.broker.host, context.broker.port)
    writer.close()
    return ""
