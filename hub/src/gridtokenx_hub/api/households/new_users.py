"""Users as they come into the database: each with its entry in the journal of its request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
from solders.keypair import Keypair

from gridtokenx_hub.api.transactions.idempotency_keys import Entry, IdempotencyKeys
from gridtokenx_hub.grouped import Grouped
from gridtokenx_hub.wallets import NewWallet, WalletVault

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


@dataclass(frozen=True, slots=True)
class NewRow:
    """A user as a request wants it; without a wallet, the hub makes and holds one."""

    journal: Journal
    wallet: str | None
    name: str
    user_type: str


@dataclass(frozen=True, slots=True)
class Added:
    """A user's id; the key of its wallet when that was made just now."""

    user_id: int
    keypair: Keypair | None


@dataclass(frozen=True, slots=True, eq=False)
class _Named:
    """A user with the wallet that it has or is to have."""

    row: NewRow
    wallet: str
    made: NewWallet | None

    def added(self, user_id: int) -> Added:
        return Added(user_id, self.made.keypair if self.made else None)


class NewUsers:
    """Stores the users of all requests of a moment together."""

    def __init__(self, pool: asyncpg.Pool, keys: IdempotencyKeys, vault: WalletVault) -> None:
        self._pool = pool
        self._keys = keys
        self._vault = vault
        self._rows = Grouped(self._add)

    async def add(self, row: NewRow) -> Added | None:
        """Store a user, and its id and wallet as the step `user` of its request's journal.

        Returns:
            None when the wallet is that of somebody who is registered.
        """
        return await self._rows.ask(row)

    async def _add(self, rows: Sequence[NewRow]) -> list[Added | None]:
        named = await self._name(rows)
        ids: dict[_Named, int] = {}
        left = named
        while left:  # a statement takes each wallet once: the first that wants it goes first
            turn: dict[str, _Named] = {}
            for one in left:
                turn.setdefault(one.wallet, one)
            ids |= await self._add_once(turn)
            left = [one for one in left if turn[one.wallet] is not one]
        return [one.added(ids[one]) if one in ids else None for one in named]

    async def _name(self, rows: Sequence[NewRow]) -> list[_Named]:
        made = iter(await self._vault.make(sum(row.wallet is None for row in rows)))
        named = []
        for row in rows:
            if row.wallet is None:
                new = next(made)
                named.append(_Named(row, new.address, new))
            else:
                named.append(_Named(row, row.wallet, None))
        return named

    async def _add_once(self, named: Mapping[str, _Named]) -> dict[_Named, int]:
        users = [(one.wallet, one.row.name, one.row.user_type) for one in named.values()]
        made = [one.made for one in named.values() if one.made]
        async with self._pool.acquire() as connection, connection.transaction():
            added = await connection.fetch(INSERT, *zip(*users, strict=True))
            ids = {named[row["wallet"]]: row["id"] for row in added}
            entries = [
                one.row.journal.entry(STEP, {"user_id": user_id, "wallet": one.wallet})
                for one, user_id in ids.items()
            ]
            await self._vault.store(made, within=connection)
            await self._keys.write_within(connection, [entry for entry in entries if entry])
        return ids
