"""Connections to the store."""

import asyncpg

from gridtokenx_hub.monitoring.instruments import DATABASE_QUERY

MAX_CONNECTIONS = 16
COMMAND_TIMEOUT_S = 60.0
"""After this a silent server counts as gone: a half-open link must not hold a worker for ever."""
SERVER_SETTINGS = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "random_page_cost": "1.1",
}
"""After 20 s a silent client counts as gone, too: a leader without power must not keep its lock. A
page out of order costs hardly more than one in order on flash: with PostgreSQL's own figure, which
is that of a turning disk, a hundred keys were looked for by reading the whole table."""


async def open_pool(url: str) -> asyncpg.Pool:
    """Return a pool of connections to the PostgreSQL database at `url`, made when needed.

    Raises:
        OSError, asyncpg.PostgresError: the server cannot be reached or refuses us.
    """
    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=MAX_CONNECTIONS,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings=SERVER_SETTINGS,
        init=_time_queries,
        reset=_reset,
    )


async def _time_queries(connection: asyncpg.Connection) -> None:
    connection.add_query_logger(lambda query: DATABASE_QUERY.observe(query.elapsed))


async def _reset(_connection: asyncpg.Connection) -> None:
    """Spare each query a second one: nobody leaves a lock or a setting in a session.

    What must be undone at the client, such as an open transaction, asyncpg has undone before.
    """
