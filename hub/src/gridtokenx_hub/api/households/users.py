"""Users as they and the operators see them."""

from typing import Any

import asyncpg

from gridtokenx_hub.api.households.models import UserDetails, UserList
from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso, iso_or_none


async def user_details(pool: asyncpg.Pool, user_id: int) -> UserDetails:
    """Return a user.

    Raises:
        Problem: 404, no such user.
    """
    row = await pool.fetchrow("SELECT * FROM users WHERE id = $1", user_id)
    if row is None:
        raise Problem(404, "UnknownUser", f"there is no user {user_id}")
    return _details(row)


async def list_users(pool: asyncpg.Pool, limit: int, cursor: str | None) -> UserList:
    """Return a page of all users, by their ids.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (after,) = read_cursor("users", cursor, int) or (0,)
    rows = await pool.fetch(
        "SELECT * FROM users WHERE id > $1 ORDER BY id LIMIT $2", after, limit + 1
    )
    page, following = page_of(rows, limit, "users", lambda row: (row["id"],))
    return UserList(users=[_details(row) for row in page], next=following)


def _details(row: Any) -> UserDetails:
    return UserDetails(
        user_id=row["id"],
        wallet=row["wallet"],
        name=row["name"],
        user_type=row["user_type"],
        created_at=iso(row["created_at"]),
        registered_at=iso_or_none(row["registered_at"]),
    )
