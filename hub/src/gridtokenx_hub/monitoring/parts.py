"""Whether the parts that a hub stands on answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

import asyncpg

from gridtokenx_hub.audit.chain_state import events_sent
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.chain import ChainClient, ChainError
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.leadership import DATABASE_ERRORS
from gridtokenx_programs import Addresses, Program

if TYPE_CHECKING:
    from gridtokenx_hub.api.context import ApiContext

TIMEOUT_S = 3.0
LARGEST_LAG_EVENTS = 1_000
"""A hub that is further behind the chain shows people what is no longer so."""

PARTS = ("database", "chain", "indexer", "broker")
WATERMARKS = "SELECT program, event_sequence FROM watermarks"


Checks = Mapping[str, Callable[[], Awaitable[str]]]
"""Of each part by its name: what asks it, and returns why it is not ready, empty when it is."""


class OnChain(Protocol):
    """Where the chain's events are, and the tables that they go to."""

    @property
    def pool(self) -> asyncpg.Pool: ...  # noqa: D102 - as the class says

    @property
    def client(self) -> ChainClient: ...  # noqa: D102 - likewise

    @property
    def programs(self) -> Mapping[str, Program]: ...  # noqa: D102 - likewise

    @property
    def addresses(self) -> Addresses: ...  # noqa: D102 - likewise


async def unready(context: "ApiContext") -> dict[str, str]:
    """Return why each part that a hub stands on is not ready, by its name; empty when all are."""
    checks: Checks = {
        "database": partial(ask_database, context.pool),
        "chain": partial(ask_chain, context.client),
        "indexer": partial(ask_indexer, context, context.indexer),
        "broker": partial(ask_broker, context.broker),
    }
    return await reasons(checks)


async def reasons(checks: Checks) -> dict[str, str]:
    """Return why each part that is not ready is not, by its name; empty when all are."""
    said = await asyncio.gather(*(_told(check()) for check in checks.values()))
    return {name: why for name, why in zip(checks, said, strict=True) if why}


async def index_lag(hub: OnChain) -> dict[str, int]:
    """Return how many events each program has sent that the database does not have yet.

    Raises:
        ChainError: the node does not answer.
        DATABASE_ERRORS: the database does not.
    """
    rows = await hub.pool.fetch(WATERMARKS)  # first: what is sent meanwhile is no lag below 0
    seen = {row["program"]: row["event_sequence"] for row in rows}
    sent = await events_sent(hub.client, hub.programs, hub.addresses)
    return {program: max(count - seen.get(program, 0), 0) for program, count in sent.items()}


async def _told(check: Awaitable[str]) -> str:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await check
    except TimeoutError:
        return f"no answer in {TIMEOUT_S} s"
    except (*DATABASE_ERRORS, ChainError) as error:
        return type(error).__name__


async def ask_database(pool: asyncpg.Pool) -> str:
    """Ask whether it answers."""
    await pool.fetchval("SELECT 1")
    return ""


async def ask_chain(client: ChainClient) -> str:
    """Ask whether it answers."""
    await client.slot()
    return ""


async def ask_indexer(hub: OnChain, indexer: Indexer) -> str:
    """Ask whether it has applied what the chain tells."""
    if blocked := indexer.blocked:  # known where it leads; elsewhere the lag tells
        return "; ".join(f"{program}: {error}" for program, error in blocked.items())
    behind = max((await index_lag(hub)).values())
    return f"{behind} events behind" if behind > LARGEST_LAG_EVENTS else ""


async def ask_broker(broker: BrokerSettings) -> str:
    """Ask whether it listens."""
    _, writer = await asyncio.open_connection(broker.host, broker.port)
    writer.close()
    return ""
