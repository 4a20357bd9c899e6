"""The same request twice, the effect once (`Idempotency-Key`).

The key's row is also a journal: what a request sends to the chain is written there before it is
sent. A request that is repeated after a crash finds it, learns what became of it, and goes on.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from solders.transaction import Transaction as SignedTransaction
from starlette.responses import Response

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.exact_json import ExactJSONResponse, dumps, loads
from gridtokenx_hub.api.http.models import Out
from gridtokenx_hub.api.http.problems import Problem, ProblemResponse, as_problem
from gridtokenx_hub.api.transactions.idempotency_keys import Entry, IdempotencyKeys, Key
from gridtokenx_hub.api.transactions.signing import (
    SignatureProblem,
    WalletMustSign,
    not_offered,
    offer_id,
    read_transaction,
)
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.readings.journals import ANSWERS_DAYS

SIGNED_TRANSACTION = "Signed-Transaction"
KEY = re.compile(r"[!-~]{1,255}")


async def _repeatable(
    request: Request,
    _idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="1 to 255 visible ASCII characters, as a UUID;"
            f" known for {ANSWERS_DAYS} days",
        ),
    ] = None,
    _signed_transaction: Annotated[
        str | None,
        Header(alias=SIGNED_TRANSACTION, description="base64, in return for an answer of 202"),
    ] = None,
) -> Request:
    return request


Repeatable = Annotated[Request, Depends(_repeatable)]
"""The request of a route that does its work by `once`; documents the headers that it may carry."""


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
    """One try of a request; `journal` holds what earlier tries of it have done.

    `signed` is the transaction that an earlier try was answered with, once its owner has signed it.
    """

    keys: IdempotencyKeys
    row: Key | None
    journal: dict[str, Any] = field(default_factory=dict)
    signed: SignedTransaction | None = None

    async def record(self, step: str, facts: dict[str, Any]) -> None:
        """Write down, durably and before it is done, what a step is about to do."""
        entry = self.entry(step, facts)
        if entry is not None:
            await self.keys.write(entry)

    async def record_within(self, connection: Connection, step: str, facts: dict[str, Any]) -> None:
        """Write a step down as a part of a connection's transaction."""
        entry = self.entry(step, facts)
        if entry is not None:
            await self.keys.write_within(connection, [entry])

    def entry(self, step: str, facts: dict[str, Any]) -> Entry | None:
        """Return the journal with a step in it, to be written; None for a request without a key."""
        self.journal[step] = facts
        return None if self.row is None else Entry(self.row, None, dumps(self.journal))

    def forget(self, step: str) -> None:
        """Drop what was written down of a step that had no effect, so that it is done anew."""
        self.journal.pop(step, None)

    async def finish(self, answer: Answer) -> None:
        """Write down the answer, in the journal's place."""
        if self.row is not None:
            await self.keys.write(Entry(self.row, answer.status, dumps(answer.content)))


Work = Callable[[Attempt], Awaitable[Out]]


async def once(
    context: ApiContext, request: Request, caller: Principal, status: int, work: Work
) -> Answer:
    """Do the work of a POST at most once for its `Idempotency-Key`.

    Refusals (4xx) are answers too and stay; a failure (5xx) leaves the journal for another try,
    and so does a transaction that an owner elsewhere has to sign. It comes back in the header
    `Signed-Transaction` of the same request, with the same key, or without one as before.

    Raises:
        Problem: 422, the key belongs to another request; 409, that request is under way; 429, too
            many within a minute.
        WalletMustSign: the hub does not hold the wallet in whose name this is done.
        SignatureProblem: what came back is not what was to be signed.
    """
    context.limits.transaction(caller)
    key, signed = _given_key(request), _returned(request)
    if key is None and signed is not None:
        key = _offered_key(offer_id(signed.message))
    if key is None:
        return await _without_key(context, request, caller, status, work)
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
        return await _first_answer(
            context.idempotency, row, await _digest(request), status, work, signed
        )
    finally:
        context.under_way.discard(row)


def _given_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise Problem(
            422,
            "InvalidIdempotencyKey",
            "a key is 1 to 255 visible ASCII characters, such as a UUID",
        )
    return key


def _returned(request: Request) -> SignedTransaction | None:
    text = request.headers.get(SIGNED_TRANSACTION)
    if text is None:
        return None
    try:
        return read_transaction(base64.b64decode(text, validate=True))
    except ValueError:
        raise SignatureProblem(422, "Malformed", f"{SIGNED_TRANSACTION} is not base64") from None


def _offered_key(offer: str) -> str:
    """Return the key of a request that came without one: no key of a caller has a space."""
    return f"offer {offer}"


async def _without_key(
    context: ApiContext, request: Request, caller: Principal, status: int, work: Work
) -> Answer:
    attempt = Attempt(context.idempotency, None)
    try:
        return await _answer(attempt, status, work)
    except WalletMustSign as waiting:
        await context.pool.execute(
            "INSERT INTO idempotency_keys (token_id, key, request_hash, body)"
            " VALUES ($1, $2, $3, $4)",
            caller.token_id,
            _offered_key(waiting.offer_id),
            await _digest(request),
            dumps(attempt.journal),
        )
        raise


async def _first_answer(
    keys: IdempotencyKeys,
    row: Key,
    digest: bytes,
    status: int,
    work: Work,
    signed: SignedTransaction | None,
) -> Answer:
    found = await keys.claim(row, digest) if signed is None else await keys.find(row)
    if found is None or (signed is not None and found.request_hash != digest):
        raise not_offered()
    if found.request_hash != digest:
        raise Problem(
            422, "IdempotencyKeyReused", "this key came with another request: use a new key"
        )
    body = loads(found.body) if found.body else {}
    if found.status is not None:
        return Answer(found.status, body)
    attempt = Attempt(keys, row, body, signed)
    answer = await _answer(attempt, status, work)
    await attempt.finish(answer)
    return answer


async def _answer(attempt: Attempt, status: int, work: Work) -> Answer:
    try:
        return Answer(status, (await work(attempt)).content())
    except (WalletMustSign, SignatureProblem):
        raise
    except Exception as error:
        problem = as_problem(error)
        if problem is None or problem.status_code >= 500:
            raise
        return Answer(problem.status_code, problem.content())


async def _digest(request: Request) -> bytes:
    route = f"{request.method} {request.url.path}\n".encode()
    return hashlib.sha256(route + await request.body()).digest()
