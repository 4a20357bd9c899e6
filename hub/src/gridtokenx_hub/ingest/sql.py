"""How rows travel to the server: as one array for each column."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = PoolConnectionProxy
Row: TypeAlias = tuple[Any, ...]


def columns(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Turn rows into columns, the arguments of a statement that unnests them."""
    return list(zip(*rows, strict=True))


async def insert(connection: Connection, statement: str, rows: list[Row]) -> None:
    """Run an `INSERT … SELECT FROM unnest(…)` on these rows; nothing when there are none."""
    if rows:
        await connection.execute(statement, *columns(rows))
