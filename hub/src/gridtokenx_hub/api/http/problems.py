"""Errors as `application/problem+json` (RFC 9457), each with a name that programs can act on."""

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from gridtokenx_hub.api.http.exact_json import ExactJSONResponse
from gridtokenx_hub.broker.authority import CertificateRequestError
from gridtokenx_hub.chain import ChainError, TransactionExpired, TransactionRefused
from gridtokenx_hub.database import OUTAGES
from gridtokenx_hub.explain import HistoryMissing, NotASettlement
from gridtokenx_hub.registrar import RegistrarRefused, RegistrarUnavailable
from gridtokenx_hub.wallets import UnknownWallet
from gridtokenx_protocol.errors import ProtocolError

RETRY_AFTER_S = 2

REFUSED_BY_STATE = frozenset(
    {
        "AmountMismatch",
        "CapExceeded",
        "DailyCapReached",
        "DeficitExceeded",
        "InsufficientBalance",
        "InvalidOrder",
        "KeyNotNew",
        "LedgerAlreadyOpen",
        "MarketPaused",
        "MeterAlreadyRegistered",
        "MeterNotActive",
        "MeterRevoked",
        "NotRegistered",
        "NotSettled",
        "ReentrancyDetected",
        "ReservationOpen",
        "SameOwner",
        "SequenceNotHigher",
        "SignedBeforeRebase",
        "StalePrice",
        "UserAlreadyRegistered",
        "UserNotRegistered",
    }
)
"""Refusals that the same request may not meet later: 409. What is wrong in itself is 422."""


class Problem(HTTPException):
    """An answer that is an error.

    Args:
        status: HTTP status.
        error: PascalCase name; a program's own name where a program refused.
        detail: what is wrong and what to do.
        headers: further headers of the answer.
        fields: what is wrong with each field of the request.
        members: further members of the document, for programs.
    """

    def __init__(
        self,
        status: int,
        error: str,
        detail: str,
        headers: dict[str, str] | None = None,
        fields: list[dict[str, str]] | None = None,
        members: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.error = error
        self.fields = fields
        self.members = members or {}

    def content(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        content: dict[str, Any] = {
            "type": f"urn:gridtokenx:problem:{self.error}",
            "title": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.error).capitalize(),
            "status": self.status_code,
            "detail": self.detail,
            "error": self.error,
            **self.members,
        }
        if self.fields is not None:
            content["fields"] = self.fields
        return content


class ProblemResponse(ExactJSONResponse):
    """A problem document."""

    media_type = "application/problem+json"


class ProblemBody(BaseModel):
    """What every error looks like."""

    type: str = Field(examples=["urn:gridtokenx:problem:InvalidOrder"])
    title: str = Field(examples=["Invalid order"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["Order not found or inactive"])
    error: str = Field(examples=["InvalidOrder"], description="stable name")


def unavailable(error: str, detail: str) -> Problem:
    """Return 503 with the time after which another try makes sense."""
    return Problem(503, error, detail, {"Retry-After": str(RETRY_AFTER_S)})


def as_problem(error: Exception) -> Problem | None:
    """Return the problem that an exception means to the caller, None when it is our own fault."""
    return next((make(error) for kind, make in _MEANINGS if isinstance(error, kind)), None)


DATABASE_ERRORS = (*OUTAGES, ConnectionError, TimeoutError)


def expected_errors() -> Iterator[type[Exception]]:
    """Yield the kinds of exceptions that mean something to the caller."""
    for kinds, _ in _MEANINGS:
        yield from kinds if isinstance(kinds, tuple) else (kinds,)


async def answer_problem(_request: Request, error: Exception) -> ProblemResponse:
    """Answer an exception for which `as_problem` has a meaning (a Starlette handler)."""
    problem = as_problem(error)
    if problem is None:
        raise error
    return respond(problem)


def respond(problem: Problem) -> ProblemResponse:
    """Return the response that carries a problem."""
    return ProblemResponse(problem.content(), problem.status_code, problem.headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI entries for the errors that a route can answer; any may be asked too often."""
    schema = ProblemBody.model_json_schema()
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status in sorted({*statuses, 429})
    }


def _http(error: StarletteHTTPException) -> Problem:
    name = HTTPStatus(error.status_code).phrase.title().replace(" ", "")
    return Problem(error.status_code, name, error.detail, dict(error.headers or {}))


def _invalid(error: RequestValidationError) -> Problem:
    fields = [
        {
            "field": ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0]),
            "message": str(item["msg"]).removeprefix("Value error, "),
        }
        for item in error.errors()
    ]
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in fields)
    return Problem(422, "InvalidRequest", detail, fields=fields)


def _refused(error: TransactionRefused) -> Problem:
    if error.code is None:  # no program's verdict: a fee payer without money, for example
        return unavailable(error.name, "the chain did not take the transaction: tell the operator")
    if error.name == "Unauthorized":
        return Problem(403, error.name, error.message)
    return Problem(409 if error.name in REFUSED_BY_STATE else 422, error.name, error.message)


_MEANINGS: tuple[
    tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Any], Problem]], ...
] = (
    (Problem, lambda error: error),
    (StarletteHTTPException, _http),
    (RequestValidationError, _invalid),
    (TransactionRefused, _refused),
    (
        TransactionExpired,
        lambda _: unavailable(
            "TransactionExpired", "the chain was too slow: send the request again"
        ),
    ),
    (
        ChainError,
        lambda _: unavailable("ChainUnavailable", "the chain does not answer: try again"),
    ),
    (RegistrarRefused, lambda error: Problem(409, error.name, error.detail)),
    (
        RegistrarUnavailable,
        lambda _: unavailable(
            "RegistrarUnavailable", "the registrar does not answer: try again, or tell the operator"
        ),
    ),
    (NotASettlement, lambda error: Problem(404, "NotASettlement", str(error))),
    (HistoryMissing, lambda error: unavailable("IndexerBehind", str(error))),
    (UnknownWallet, lambda error: Problem(404, "UnknownWallet", str(error))),
    (CertificateRequestError, lambda error: Problem(422, "InvalidCertificateRequest", str(error))),
    (ProtocolError, lambda error: Problem(422, type(error).__name__, str(error))),
    (
        DATABASE_ERRORS,
        lambda _: unavailable("DatabaseUnavailable", "the database does not answer: try again"),
    ),
)
"""The first kind that fits an exception says what it means."""
