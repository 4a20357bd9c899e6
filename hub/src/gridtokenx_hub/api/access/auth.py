"""Who calls, and what they may do: bearer tokens (RFC 6750), and sessions that a browser keeps."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import asyncpg

from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.grouped import Grouped

Role = Literal["operator", "installer", "user", "monitor"]

TOKEN_PREFIX = "gtx_"  # noqa: S105 - marks our tokens for scanners of leaked secrets
TOKEN_BYTES = 32
USE_NOTED_AFTER = dt.timedelta(minutes=1)
HOLDERS = """
SELECT t.token_hash, t.id, t.role, t.user_id, t.expires_at, t.last_used_at, u.wallet, u.name,
       t.parent_id IS NOT NULL AS is_session
  FROM api_tokens t
  LEFT JOIN users u ON u.id = t.user_id
  LEFT JOIN api_tokens p ON p.id = t.parent_id
 WHERE t.token_hash = ANY ($1) AND t.revoked_at IS NULL AND p.revoked_at IS NULL
"""

GIVE_USERS = """
INSERT INTO api_tokens (token_hash, role, user_id)
SELECT given.hash, 'user', given.id FROM unnest($1::bytea[], $2::bigint[]) AS given (hash, id)
"""


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a token; `user_id`, `wallet` and `name` are set for users alone.

    `is_session`: the token came in a cookie. `expires_at` is None when it never does.
    """

    token_id: int
    role: Role
    user_id: int | None
    wallet: str | None
    name: str | None
    is_session: bool
    expires_at: dt.datetime | None

    def require(self, *roles: Role) -> None:
        """Check the role.

        Raises:
            Problem: 403, another role.
        """
        if self.role not in roles:
            raise forbidden(f"this needs the token of an {' or '.join(roles)}")

    def own_id(self) -> int:
        """Return the id of the user who calls.

        Raises:
            Problem: 403, the caller is none.
        """
        if self.user_id is None:
            raise forbidden("this needs the token of a user")
        return self.user_id

    def require_user(self, user_id: int) -> None:
        """Check that the caller is this user or an operator.

        Raises:
            Problem: 403, another user.
        """
        if self.role != "operator" and self.user_id != user_id:
            raise forbidden(f"this needs the token of user {user_id} or of an operator")


def forbidden(detail: str) -> Problem:
    """Return 403."""
    return Problem(403, "Forbidden", detail)


def draw_token() -> str:
    """Draw a token's text."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> bytes:
    """Return what the database knows of a token; 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


async def create_token(
    pool: asyncpg.Pool,
    role: Role,
    user_id: int | None = None,
    expires_at: dt.datetime | None = None,
    *,
    label: str = "",
    parent_id: int | None = None,
) -> str:
    """Make a bearer token, store its hash and return it: nobody can read it again.

    Args:
        pool: database with the table `api_tokens`.
        role: what its holder may do.
        user_id: whose it is; for the role `user`, and for that alone.
        expires_at: when it ends; None for never.
        label: what people know it by.
        parent_id: the token that a session is made from, and ends with; None for a bearer token.
    """
    token = draw_token()
    await pool.execute(
        "INSERT INTO api_tokens (token_hash, role, user_id, expires_at, label, parent_id)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        hash_token(token),
        role,
        user_id,
        expires_at,
        label,
        parent_id,
    )
    return token


class Tokens:
    """Gives tokens to users and knows who holds which, for all requests of a moment together.

    A token that was revoked before a request came is good for it no more.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._lookups = Grouped(self._look_up)
        self._gifts = Grouped(self._give)

    async def give_user(self, user_id: int) -> str:
        """Make a user's bearer token without an end, store its hash and return it."""
        token = draw_token()
        await self._gifts.ask((hash_token(token), user_id))
        return token

    async def _give(self, gifts: Sequence[tuple[bytes, int]]) -> list[None]:
        await self._pool.execute(GIVE_USERS, *zip(*gifts, strict=True))
        return [None] * len(gifts)

    async def authenticate(
        self, authorization: str | None, session: str | None, now: dt.datetime
    ) -> Principal:
        """Return who holds the token of an `Authorization` header, or else of a session's cookie.

        Raises:
            Problem: 401, no token, or one that is unknown, expired or revoked.
        """
        if authorization is None and session is not None:
            return await self._holder(session, now, is_session=True)
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated("send your token as 'Authorization: Bearer …'", "")
        return await self._holder(token.strip(), now, is_session=False)

    async def _holder(self, token: str, now: dt.datetime, *, is_session: bool) -> Principal:
        """Return who holds a token; a session's is none in a header, nor the other way round."""
        row = await self._lookups.ask(hash_token(token))
        if (
            row is None
            or row["is_session"] is not is_session
            or (row["expires_at"] is not None and row["expires_at"] <= now)
        ):
            raise _unauthenticated(
                "you are signed out: sign in again"
                if is_session
                else "the token is unknown, expired or revoked: ask the operator for another",
                ' error="invalid_token"',
            )
        if row["last_used_at"] is None or now - row["last_used_at"] > USE_NOTED_AFTER:
            await self._pool.execute(
                "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1", row["id"], now
            )
        return Principal(
            row["id"],
            row["role"],
            row["user_id"],
            row["wallet"],
            row["name"],
            is_session,
            row["expires_at"],
        )

    async def _look_up(self, hashes: Sequence[bytes]) -> list[asyncpg.Record | None]:
        rows = await self._pool.fetch(HOLDERS, hashes)
        found = {row["token_hash"]: row for row in rows}
        return [found.get(digest) for digest in hashes]


def _unauthenticated(detail: str, attributes: str) -> Problem:
    return Problem(401, "Unauthenticated", detail, {"WWW-Authenticate": f"Bearer{attributes}"})
