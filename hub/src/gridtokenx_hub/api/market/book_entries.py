"""What orders and offers have in common when they are made, traded and ended."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from solders.pubkey import Pubkey

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem, unavailable
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.api.transactions.delivery import Delivered, Plan, deliver
from gridtokenx_hub.api.transactions.idempotency import Attempt
from gridtokenx_hub.chain import TransactionRefused
from gridtokenx_hub.indexer.market import STATUS
from gridtokenx_programs import BadDataError

NONCE_TRIES = 3
CREATE_UNITS = 30_000
TRADE_UNITS = 20_000
CANCEL_UNITS = 15_000
NO_EXPIRY = 0
OPEN = ("Created", "Active")


async def deliver_new(
    context: ApiContext, attempt: Attempt, step: str, plan: Callable[[], Awaitable[Plan]]
) -> Delivered:
    """Deliver a new entry, under another nonce when the wallet has used one somewhere else.

    Raises:
        Problem: ClockSkew, the hub's clock and the chain's are too far apart.
    """
    for _ in range(NONCE_TRIES):
        try:
            return await deliver(context, attempt, step, plan)
        except TransactionRefused as refused:
            if refused.name != "InvalidNonce":
                raise
            attempt.forget(step)
    raise unavailable(
        "ClockSkew", "the hub's clock is not that of the chain: tell the operator to set it"
    )


def draw_nonce(context: ApiContext) -> int:
    """Return the nonce of a new order or offer."""
    return context.nonces.draw(int(context.clock().timestamp() * 1000))


def unix_s(instant: dt.datetime | None) -> int:
    """Return the chain's time of an expiry, rounded up: nothing ends before it was to."""
    return NO_EXPIRY if instant is None else -int(-instant.timestamp() // 1)


async def read_entry(
    context: ApiContext, kind: Literal["Order", "Offer"], address: Pubkey
) -> dict[str, Any]:
    """Read an order or offer from the chain itself: the database may be a moment behind.

    Raises:
        Problem: 404 InvalidOrder, there is none.
    """
    account = await context.client.account(address)
    if account is None or account.owner != context.addresses.trading:
        raise Problem(404, "InvalidOrder", f"there is no {kind.lower()} {address}")
    try:
        return context.programs["trading"].decode_account(kind, account.data)
    except BadDataError:
        raise Problem(404, "InvalidOrder", f"{address} is no {kind.lower()}") from None


async def read_open_entry(
    context: ApiContext, kind: Literal["Order", "Offer"], address: Pubkey
) -> dict[str, Any]:
    """Read an order or offer that can be traded.

    Raises:
        Problem: InvalidOrder, 404 when there is none, 409 when it is over or all of it reserved.
    """
    entry = await read_entry(context, kind, address)
    if entry["status"] not in OPEN:
        raise Problem(
            409,
            "InvalidOrder",
            f"{kind.lower()} {address} is {entry['status'].lower()}, not to be traded",
        )
    return entry


def status_of(event: dict[str, Any]) -> Any:
    """Return the status after an event in the API's words; the answer's model knows which fit."""
    return STATUS[event["status"]]


def time_of(context: ApiContext, event: dict[str, Any]) -> str:
    """Return when something happened on chain, or about now while nobody knows."""
    if "timestamp" not in event:
        return iso(context.clock())
    return iso(dt.datetime.fromtimestamp(event["timestamp"], dt.UTC))
