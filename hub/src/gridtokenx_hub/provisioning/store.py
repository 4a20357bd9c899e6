"""Codes in the database: issued, found, listed, withdrawn."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import asyncpg
from solders.transaction import Transaction as SignedTransaction

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.exact_json import dumps, loads
from gridtokenx_hub.api.http.pagination import MAX_BIGINT, page_of, read_cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.provisioning.codes import hash_code
from gridtokenx_hub.registrar.mandate import SELECT, Mandate, mandate_of

State = Literal["open", "claimed", "done", "expired", "withdrawn"]

_RECORD = "UPDATE provisioning_codes SET journal = $2 WHERE id = $1"
_ORDER = "codes"
_SHOWN = f"{SELECT} WHERE c.code_hash IS NOT NULL"
_LIST = f"{_SHOWN} AND c.id < $1 ORDER BY c.id DESC LIMIT $2"
_OF_HOUSEHOLD = f"{_SHOWN} AND c.user_id = $1 ORDER BY c.id DESC LIMIT $2"


@dataclass(frozen=True, slots=True)
class Code:
    """A row of `provisioning_codes`; it is the journal of what was sent to the chain for it.

    `signed` is what an owner has signed and sent back.
    """

    mandate: Mandate
    owner_name: str
    serial: str | None
    created_at: dt.datetime
    expires_at: dt.datetime
    claimed_at: dt.datetime | None
    done_at: dt.datetime | None
    withdrawn_at: dt.datetime | None
    tx_signature: str | None
    pool: asyncpg.Pool
    journal: dict[str, Any] = field(default_factory=dict)
    signed: SignedTransaction | None = None

    @classmethod
    def of(cls, pool: asyncpg.Pool, row: asyncpg.Record) -> "Code":
        """Return the code in a row that `SELECT` found."""
        return cls(
            mandate=mandate_of(row),
            owner_name=row["owner_name"],
            serial=row["serial"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            claimed_at=row["claimed_at"],
            done_at=row["done_at"],
            withdrawn_at=row["withdrawn_at"],
            tx_signature=row["tx_signature"],
            pool=pool,
            journal=loads(row["journal"]),
        )

    def state(self, now: dt.datetime) -> State:
        """Return where the code stands."""
        if self.withdrawn_at is not None:
            return "withdrawn"
        if self.done_at is not None:
            return "done"
        if self.expires_at <= now:
            return "expired"
        return "open" if self.claimed_at is None else "claimed"

    async def record(self, step: str, facts: dict[str, Any]) -> None:
        """Write down what a step is about to do."""
        self.journal[step] = facts
        await self.pool.execute(_RECORD, self.mandate.code_id, dumps(self.journal))

    async def forget(self, step: str) -> None:
        """Drop what was written down of a step that had no effect."""
        if self.journal.pop(step, None) is not None:
            await self.pool.execute(_RECORD, self.mandate.code_id, dumps(self.journal))


async def insert_code(pool: asyncpg.Pool, columns: Mapping[str, Any]) -> int:
    """Insert a row of `provisioning_codes` with these columns; return its id."""
    names = ", ".join(columns)
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    code_id: int = await pool.fetchval(
        f"INSERT INTO provisioning_codes ({names}) VALUES ({places}) RETURNING id",  # noqa: S608 - our own column names
        *columns.values(),
    )
    return code_id


async def code_by_id(context: ApiContext, code_id: int) -> Code:
    """Return a code that is known to be there."""
    (row,) = await context.pool.fetch(f"{SELECT} WHERE c.id = $1", code_id)
    return Code.of(context.pool, row)


async def list_codes(
    context: ApiContext, limit: int, cursor: str | None
) -> tuple[list[Code], str | None]:
    """Return a page of the codes that were shown to somebody, newest first, and the next cursor.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor(_ORDER, cursor, int) or (MAX_BIGINT,)
    rows = await context.pool.fetch(_LIST, before, limit + 1)
    found, following = page_of(rows, limit, _ORDER, lambda row: (row["id"],))
    return [Code.of(context.pool, row) for row in found], following


async def codes_for(context: ApiContext, user_id: int, limit: int) -> list[Code]:
    """Return the newest codes that are about a household's meters."""
    rows = await context.pool.fetch(_OF_HOUSEHOLD, user_id, limit)
    return [Code.of(context.pool, row) for row in rows]


async def present_code(context: ApiContext, caller: str, text: str) -> Code:
    """Return the code that a caller presents.

    A code that never was and one that was withdrawn are told in the same words.

    Raises:
        Problem: 404, unknown or withdrawn; 410, expired; 429, too many wrong ones before.
    """
    now = context.clock()
    context.wrong_codes.check(caller, now)
    row = await context.pool.fetchrow(
        f"{SELECT} WHERE c.code_hash = $1 AND c.withdrawn_at IS NULL", hash_code(text) or b""
    )
    if row is None:
        context.wrong_codes.count(caller, now)
        raise Problem(404, "UnknownCode", "there is no such code: compare it, or ask the operator")
    code = Code.of(context.pool, row)
    if code.expires_at <= now:  # a used one too: it must not show readings for ever
        raise Problem(
            410,
            "CodeExpired",
            f"the code expired at {code.expires_at:%Y-%m-%d %H:%M} UTC:"
            " ask the operator for another",
        )
    return code


async def withdraw_code(context: ApiContext, code_id: int) -> None:
    """Make a code unusable; one that is withdrawn stays so.

    Raises:
        Problem: 404, no such code; 409, what it is for is done.
    """
    row = await context.pool.fetchrow(
        "UPDATE provisioning_codes SET withdrawn_at = coalesce(withdrawn_at, $2)"
        " WHERE id = $1 AND code_hash IS NOT NULL AND done_at IS NULL AND tx_signature IS NULL"
        " RETURNING id",
        code_id,
        context.clock(),
    )
    if row is not None:
        return
    known = await context.pool.fetchval(
        "SELECT true FROM provisioning_codes WHERE id = $1 AND code_hash IS NOT NULL", code_id
    )
    if known:
        raise Problem(
            409, "CodeUsed", "what the code is for has been done: revoke the meter instead"
        )
    raise Problem(404, "UnknownCode", f"there is no code {code_id}")
