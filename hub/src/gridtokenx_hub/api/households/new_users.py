"""Users as they come into the database: each with its entry in the journal of its request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from gridtokenx_hub.api.transactions.idempotency_keys import Entry, IdempotencyKeys
from gridtokenx_hub.grouped import Grouped

# A wallet whose owner never signed its registration may be named anew. In the order of the wallets,
# so that two processes with the same ones wait for each other on one side.
INSERT = """
INSERT INTO users (wallet, name, user_type)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS given (wallet, name, user_type)
 ORDER BY wallet
ON CONFLICT (wallet) DO UPDATE SET name = excluded.name, user_type = excluded.user_type
 WHERE users.registered_at IS NULL
RETURNING id, wallet
"""
STEP = "user"


class Journal(Protocol):
    """The journal of a request."""

    def entry(self, step: str, facts: dict[str, Any]) -> Entry | None:
        """Return it with a step in it, to be written."""


@dataclass(frozen=True, slots=True, eq=False)
class NewRow:
    """A user as a request wants it."""

    journal: Journal
    wallet: str
    name: str
    user_type: str


class NewUsers:
    """Stores the users of all requests of a moment together."""

    def __init__(self, pool: asyncpg.Pool, keys: IdempotencyKeys) -> None:
        self._pool = pool
        self._keys = keys
        self._rows = Grouped(self._add)

    async def add(self, row: NewRow) -> int | None:
        """Store a user, and its id and wallet as the step `user` of its request's journal.

        Returns:
            None when the wallet is that of somebody who is registered.
        """
        return await self._rows.ask(row)

    async def _add(self, rows: Sequence[NewRow]) -> list[int | None]:
        ids: dict[NewRow, int] = {}
        left = list(rows)
        while left:  # a statement takes each wallet once: the first that wants it goes first
            turn: dict[str, NewRow] = {}
            for row in left:
                turn.setdefault(row.wallet, row)
            ids |= await self._add_once(turn)
            left = [row for row in left if turn[row.wallet] is not row]
        return [ids.get(row) for row in rows]

    async def _add_once(self, rows: Mapping[str, NewRow]) -> dict[NewRow, int]:
        wanted = [(row.wallet, row.name, row.user_type) for row in rows.values()]
        async with self._pool.acquire() as connection, connection.transaction():
            made = await connection.fetch(INSERT, *zip(*wanted, strict=True))
            ids = {rows[row["wallet"]]: row["id"] for row in made}
            entries = [
                row.journal.entry(STEP, {"user_id": user_id, "wallet": row.wallet})
                for row, user_id in ids.items()
            ]
            await self._keys.write_within(connection, [entry for entry in entries if entry])
        return ids
