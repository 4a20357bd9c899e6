"""Users, tokens and codes as operators look them up."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.market.search import beginning

ORDER = "people"
PEOPLE = """
SELECT u.id, u.name, u.wallet, u.user_type, u.registered_at, u.created_at,
       (SELECT count(*) FROM meters m WHERE m.owner_wallet = u.wallet) AS meters
  FROM users u
 WHERE u.id > $1 AND ($2 = '' OR lower(u.name) LIKE $3 OR u.wallet = $2 OR u.id::text = $2)
 ORDER BY u.id LIMIT $4
"""
PERSON = """
SELECT u.*, w.wallet IS NOT NULL AS is_held
  FROM users u LEFT JOIN wallets w USING (wallet) WHERE u.id = $1
"""
STAFF_TOKENS = """
SELECT id, role, label, parent_id, created_at, expires_at, last_used_at FROM api_tokens
 WHERE user_id IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
 ORDER BY id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class WrongCodes:
    """Somebody who sent `count` codes within the last minute that are none."""

    caller: str
    count: int
    last_at: dt.datetime


async def people(
    context: ApiContext, search: str, limit: int, cursor: str | None
) -> tuple[Sequence[Any], str | None]:
    """Return a page of users, by their ids, and the cursor of the next.

    `search` is how a name begins, or a whole wallet or id; empty for all.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (after,) = read_cursor(ORDER, cursor, int) or (0,)
    rows = await context.pool.fetch(PEOPLE, after, search, beginning(search), limit + 1)
    return page_of(rows, limit, ORDER, lambda row: (row["id"],))


async def person(context: ApiContext, user_id: int) -> Any | None:
    """Return a user's row; `is_held` when the hub holds the wallet."""
    return await context.pool.fetchrow(PERSON, user_id)


async def staff_tokens(context: ApiContext, now: dt.datetime, limit: int) -> Sequence[Any]:
    """Return the tokens that are good now and no household's, newest first."""
    found: Sequence[Any] = await context.pool.fetch(STAFF_TOKENS, now, limit)
    return found


def wrong_codes(context: ApiContext, now: dt.datetime) -> list[WrongCodes]:
    """Return who guessed at codes within the last minute, youngest first."""
    return [WrongCodes(*entry) for entry in context.wrong_codes.recent(now)]
