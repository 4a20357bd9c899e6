"""The table of idempotency keys, read and written for all requests of a moment together."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from gridtokenx_hub.grouped import Grouped
from gridtokenx_hub.leadership import Connection

CLAIM = """
INSERT INTO idempotency_keys (token_id, key, request_hash)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])
ON CONFLICT DO NOTHING RETURNING token_id, key
"""
FIND = """
SELECT token_id, key, request_hash, status, body::text
  FROM idempotency_keys NATURAL JOIN unnest($1::bigint[], $2::text[]) AS wanted (token_id, key)
"""
WRITE = """
UPDATE idempotency_keys k SET status = written.status, body = written.body
  FROM unnest($1::bigint[], $2::text[], $3::smallint[], $4::jsonb[])
       AS written (token_id, key, status, body)
 WHERE (k.token_id, k.key) = (written.token_id, written.key)
"""

Key = tuple[int, str]
"""Whose it is, by the id of the token, and what they call it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a key: its request, and its answer or, without a status, its journal."""

    request_hash: bytes
    status: int | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class _Claim:
    key: Key
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written down of a key: an answer, or a journal (`status` None)."""

    key: Key
    status: int | None
    body: str


class IdempotencyKeys:
    """Claims keys and writes down what becomes of their requests.

    No two requests of this process may have the same key under way.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._claims = Grouped(self._claim)
        self._writes = Grouped(self._write)

    async def claim(self, key: Key, request_hash: bytes) -> Kept:
        """Return what is known of a key, which is this request's from now on if nothing was."""
        return await self._claims.ask(_Claim(key, request_hash)) or await self.claim(
            key, request_hash
        )

    async def find(self, key: Key) -> Kept | None:
        """Return what is known of a key."""
        return (await self._find([key])).get(key)

    async def write(self, entry: Entry) -> None:
        """Write an entry; durable when this returns."""
        await self._writes.ask(entry)

    async def write_within(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Write entries as a part of a connection's transaction."""
        await connection.execute(WRITE, *_columns(entries))

    async def _claim(self, claims: Sequence[_Claim]) -> list[Kept | None]:
        # In one order, so that two processes with the same keys wait for each other on one side.
        ordered = sorted(claims, key=operator.attrgetter("key"))
        made = await self._pool.fetch(
            CLAIM, *zip(*((*claim.key, claim.request_hash) for claim in ordered), strict=True)
        )
        new = {(row["token_id"], row["key"]) for row in made}
        known = await self._find([claim.key for claim in claims if claim.key not in new])
        return [
            Kept(claim.request_hash) if claim.key in new else known.get(claim.key)
            for claim in claims
        ]

    async def _find(self, keys: Sequence[Key]) -> dict[Key, Kept]:
        if not keys:
            return {}
        rows = await self._pool.fetch(FIND, *zip(*keys, strict=True))
        return {
            (row["token_id"], row["key"]): Kept(row["request_hash"], row["status"], row["body"])
            for row in rows
        }

    async def _write(self, writes: Sequence[Entry]) -> list[None]:
        await self._pool.execute(WRITE, *_columns(writes))
        return [None] * len(writes)


def _columns(writes: Sequence[Entry]) -> tuple[list[object], ...]:
    return (
        [written.key[0] for written in writes],
        [written.key[1] for written in writes],
        [written.status for written in writes],
        [written.body for written in writes],
    )
