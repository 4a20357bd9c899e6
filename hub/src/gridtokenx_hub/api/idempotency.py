"""The same request twice, the effect once (`Idempotency-Key`).

The key's row is also a journal: what a request sends to the chain is written there before it is
sent. A request that is repeated after a crash finds it, learns what became of it, and goes on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from fastapi import Request
from starlette.responses import Response

from gridtokenx_hub.api.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.exact_json import ExactJSONResponse, dumps, loads
from gridtokenx_hub.api.models import Out
from gridtokenx_hub.api.problems import Problem, ProblemResponse, as_problem
from gridtokenx_hub.leadership import Connection

KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with, and keeps being answered with."""

    status: int
    content: dict[str, Any]

    def response(self) -> Response:
        """Return it as a response."""
        if self.status >= 400:
            return ProblemResponse(self.content, self.status)
        return ExactJSONResponse(self.content, self.status)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a request; `journal` holds what earlier tries of it have done."""

    pool: asyncpg.Pool
    row: tuple[int, str] | None
    journal: dict[str, Any] = field(default_factory=dict)

    async def record(
        self, step: str, facts: dict[str, Any], connection: Connection | None = None
    ) -> None:
        """Write down, durably and before it is done, what a step is about to do.

        With a `connection`, as part of its transaction.
        """
        self.journal[step] = facts
        if self.row is not None:
            await (connection or self.pool).execute(
                "UPDATE idempotency_keys SET body = $3 WHERE token_id = $1 AND key = $2",
                *self.row,
                dumps(self.journal),
            )

    def forget(self, step: str) -> None:
        """Drop what was written down of a step that had no effect, so that it is done anew."""
        self.journal.pop(step, None)

    async def finish(self, answer: Answer) -> None:
        """Write down the answer, in the journal's place."""
        if self.row is not None:
            await self.pool.execute(
                "UPDATE idempotency_keys SET status = $3, body = $4"
                " WHERE token_id = $1 AND key = $2",
                *self.row,
                answer.status,
                dumps(answer.content),
            )


Work = Callable[[Attempt], Awaitable[Out]]


async def once(
    context: ApiContext, request: Request, caller: Principal, status: int, work: Work
) -> Answer:
    """Do the work of a POST at most once for its `Idempotency-Key`.

    Refusals (4xx) are answers too and stay; a failure (5xx) leaves the journal for another try.

    Raises:
        Problem: 422, the key belongs to another request; 409, that request is under way.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return await _answer(Attempt(context.pool, None), status, work)
    if not KEY.fullmatch(key):
        raise Problem(
            422,
            "InvalidIdempotencyKey",
            "a key is 1 to 255 visible ASCII characters, such as a UUID",
        )
    row = (caller.token_id, key)
    if row in context.under_way:
        raise Problem(
            409,
            "RequestInProgress",
            "the first request with this key is under way: try again for its answer",
            {"Retry-After": "1"},
        )
    context.under_way.add(row)
    try:
        return await _first_answer(context.pool, row, await _digest(request), status, work)
    finally:
        context.under_way.discard(row)


async def _first_answer(
    pool: asyncpg.Pool, row: tuple[int, str], digest: bytes, status: int, work: Work
) -> Answer:
    await pool.execute(
        "INSERT INTO idempotency_keys (token_id, key, request_hash) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        *row,
        digest,
    )
    (found,) = await pool.fetch(
        "SELECT request_hash, status, body FROM idempotency_keys WHERE token_id = $1 AND key = $2",
        *row,
    )
    if found["request_hash"] != digest:
        raise Problem(
            422, "IdempotencyKeyReused", "this key came with another request: use a new key"
        )
    body = loads(found["body"]) if found["body"] else {}
    if found["status"] is not None:
        return Answer(found["status"], body)
    attempt = Attempt(pool, row, body)
    answer = await _answer(attempt, status, work)
    await attempt.finish(answer)
    return answer


async def _answer(attempt: Attempt, status: int, work: Work) -> Answer:
    try:
        return Answer(status, (await work(attempt)).content())
    except Exception as error:
        problem = as_problem(error)
        if problem is None or problem.status_code >= 500:
            raise
        return Answer(problem.status_code, problem.content())


async def _digest(request: Request) -> bytes:
    route = f"{request.method} {request.url.path}\n".encode()
    return hashlib.sha256(route + await request.body()).digest()
