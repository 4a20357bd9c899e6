"""What of the database is in a backup: every table of the schema, row by row."""

from collections.abc import Iterable
from graphlib import TopologicalSorter

from gridtokenx_hub.leadership import Connection

NOT_COPIED = ("hub_state", "schema_migrations")
"""Told by the manifest, and made anew by a restore."""

TABLES = """
SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> ALL($1::text[])
GROUP BY c.relname ORDER BY c.relname
"""
"""A partitioned table has no rows of its own."""
SEQUENCES = """
SELECT sequencename::text AS name, coalesce(last_value, 0) AS last FROM pg_sequences
WHERE schemaname = 'public' ORDER BY 1
"""
REFERENCES = """
SELECT referring.relname AS name, referred.relname AS needs
FROM pg_constraint k
JOIN pg_class referring ON referring.oid = k.conrelid
JOIN pg_class referred ON referred.oid = k.confrelid
WHERE k.contype = 'f' AND referring.relnamespace = 'public'::regnamespace
  AND referring.oid <> referred.oid
"""
ALL = """
SELECT relname::text AS name FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY 1
"""

COPIED_AS = {
    # A transaction's number means nothing in another cluster: rolled up or not is what counts.
    "commit_id": "CASE WHEN commit_id < (SELECT commit_id FROM rollup_state) THEN 0 ELSE 1 END"
    "::bigint",
}
ROLLED_UP_BY_NUMBER = "readings"


def copy_query(table: str, columns: Iterable[str]) -> str:
    """Return the query whose rows a backup holds of a table."""
    renumbered = COPIED_AS if table.startswith(ROLLED_UP_BY_NUMBER) else {}
    wanted = ", ".join(renumbered.get(column, column) for column in columns)
    return f"SELECT {wanted} FROM {table}"  # noqa: S608 - names from the catalogue


async def tables(connection: Connection) -> dict[str, tuple[str, ...]]:
    """Return the tables that have rows to be kept, with their columns."""
    rows = await connection.fetch(TABLES, NOT_COPIED)
    return {row["name"]: tuple(row["columns"]) for row in rows}


async def sequences(connection: Connection) -> dict[str, int]:
    """Return the last number that each sequence has given out, 0 for none."""
    return {row["name"]: row["last"] for row in await connection.fetch(SEQUENCES)}


async def existing(connection: Connection) -> list[str]:
    """Return every table that there is, whoever made it."""
    return [row["name"] for row in await connection.fetch(ALL)]


async def in_order(connection: Connection, names: Iterable[str]) -> list[str]:
    """Return tables in an order in which each comes after those that it refers to."""
    graph: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(names), ()))
    for row in await connection.fetch(REFERENCES):
        graph.add(row["name"], row["needs"])
    wanted = set(names)
    return [name for name in graph.static_order() if name in wanted]
