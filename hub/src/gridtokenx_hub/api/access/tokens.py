"""Bearer tokens and sessions as those manage them who hold them: made, listed, revoked."""

import datetime as dt

import asyncpg

from gridtokenx_hub.api.access.auth import Principal, draw_token, forbidden, hash_token
from gridtokenx_hub.api.access.models import CreateToken, ListedToken, NewToken, TokenList
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.households.enrolment import wallet_of
from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.api.transactions.idempotency import Attempt

TOKENS_OF_A_USER = 100
ORDER = "tokens"

_INSERT = """
INSERT INTO api_tokens (token_hash, role, user_id, expires_at, label)
VALUES ($1, $2, $3, $4, $5) RETURNING id
"""
_COUNT = """
SELECT count(*) FROM api_tokens
 WHERE user_id = $1 AND parent_id IS NULL AND revoked_at IS NULL
   AND (expires_at IS NULL OR expires_at > $2)
"""
# Of the first two, null is anybody's.
_VISIBLE = """
($1::bigint IS NULL OR user_id = $1) AND ($2::bigint IS NULL OR id = $2)
   AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
"""
_LIST = f"""
SELECT id, role, user_id, label, parent_id, created_at, expires_at, last_used_at
  FROM api_tokens WHERE {_VISIBLE} AND ($4::bigint IS NULL OR id < $4)
 ORDER BY id DESC LIMIT $5
"""  # noqa: S608 - our own words
_REVOKE = f"""
UPDATE api_tokens SET revoked_at = $3 WHERE {_VISIBLE} AND id = $4 RETURNING id
"""  # noqa: S608 - our own words


async def make_token(
    context: ApiContext, attempt: Attempt, caller: Principal, body: CreateToken
) -> NewToken:
    """Make a token that nobody can use yet: `renew_secret` gives it its secret.

    Raises:
        Problem: 403, it is not the caller's to make; 404, no such user; 409, the user has too
            many; 422, a user's without a user, or another's with one.
    """
    user_id = _owner(caller, body)
    now = context.clock()
    if user_id is not None:
        await wallet_of(context, user_id)
        if await context.pool.fetchval(_COUNT, user_id, now) >= TOKENS_OF_A_USER:
            raise Problem(
                409, "TooManyTokens", f"a user has {TOKENS_OF_A_USER} tokens at most: revoke one"
            )
    expires_at = None if body.valid_days is None else now + dt.timedelta(days=body.valid_days)
    if "token" not in attempt.journal:
        async with context.pool.acquire() as connection, connection.transaction():
            token_id = await connection.fetchval(
                _INSERT, hash_token(draw_token()), body.role, user_id, expires_at, body.label
            )
            await attempt.record_within(connection, "token", {"token_id": token_id})
    return NewToken(
        token_id=attempt.journal["token"]["token_id"],
        role=body.role,
        user_id=user_id,
        label=body.label,
        expires_at=None if expires_at is None else iso(expires_at),
    )


def _owner(caller: Principal, body: CreateToken) -> int | None:
    """Return whose token it is to be."""
    if caller.role == "installer":
        raise forbidden("this needs the token of an operator or user")
    if caller.role == "user":
        if body.role != "user" or body.user_id not in (None, caller.user_id):
            raise forbidden("users make tokens for themselves alone")
        return caller.user_id
    if (body.role == "user") != (body.user_id is not None):
        raise Problem(422, "InvalidRequest", "user_id: it goes with the role user, and always")
    return body.user_id


async def renew_secret(pool: asyncpg.Pool, token_id: int) -> str:
    """Give a token a new secret and return it; the one before works no more."""
    token = draw_token()
    await pool.execute(
        "UPDATE api_tokens SET token_hash = $2 WHERE id = $1", token_id, hash_token(token)
    )
    return token


async def list_tokens(
    pool: asyncpg.Pool,
    now: dt.datetime,
    user_id: int | None = None,
    own_id: int | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[asyncpg.Record]:
    """Return tokens and sessions that are good now, newest first.

    With `user_id`, this user's; with `own_id`, this one. A page is `limit` of them, with lower ids
    than `before`.
    """
    found: list[asyncpg.Record] = await pool.fetch(_LIST, user_id, own_id, now, before, limit)
    return found


async def token_page(
    context: ApiContext, caller: Principal, limit: int, cursor: str | None
) -> TokenList:
    """Return those that the caller sees, by the page.

    Raises:
        Problem: 422, no cursor of this list.
    """
    after = read_cursor(ORDER, cursor, int)
    user_id, own_id = scope(caller)
    rows = await list_tokens(
        context.pool,
        context.clock(),
        user_id,
        own_id,
        None if after is None else after[0],
        limit + 1,
    )
    page, following = page_of(rows, limit, ORDER, lambda row: (row["id"],))
    return TokenList(tokens=[_listed(row, caller) for row in page], next=following)


async def revoke_token(
    pool: asyncpg.Pool,
    now: dt.datetime,
    token_id: int,
    user_id: int | None = None,
    own_id: int | None = None,
) -> bool:
    """Revoke a token, and with it the sessions that were made from it.

    With `user_id` or `own_id`, only if it is this user's, or this one.

    Returns:
        Whether there was such a token.
    """
    return bool(await pool.fetchval(_REVOKE, user_id, own_id, now, token_id))


def scope(caller: Principal) -> tuple[int | None, int | None]:
    """Return whose tokens a caller sees: a user's id, or else a token's; neither for operators."""
    if caller.role == "operator":
        return None, None
    return (caller.user_id, None) if caller.role == "user" else (None, caller.token_id)


def _listed(row: asyncpg.Record, caller: Principal) -> ListedToken:
    """Return a row of `list_tokens` as the API shows it."""
    expires_at, last_used_at = row["expires_at"], row["last_used_at"]
    return ListedToken(
        token_id=row["id"],
        role=row["role"],
        user_id=row["user_id"],
        label=row["label"],
        is_session=row["parent_id"] is not None,
        is_yours=row["id"] == caller.token_id,
        created_at=iso(row["created_at"]),
        expires_at=None if expires_at is None else iso(expires_at),
        last_used_at=None if last_used_at is None else iso(last_used_at),
    )
