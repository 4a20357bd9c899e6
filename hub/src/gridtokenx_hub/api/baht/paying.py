"""Paying and taking back from the EVM accounts that the hub holds for its users."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gridtokenx_hub.api.baht.models import SentPayment
from gridtokenx_hub.api.baht.payable import bridge_of, hexed
from gridtokenx_hub.api.baht.payments import Purchase, find_purchase, unknown_payment
from gridtokenx_hub.api.http.problems import Problem

if TYPE_CHECKING:
    from gridtokenx_hub.api.context import ApiContext


async def pay(context: ApiContext, user_id: int, reservation_id: str) -> SentPayment:
    """Pay for a reservation from the account that the hub holds.

    Raises:
        Problem: 404 UnknownPayment; 409 PaymentNotDue, it is not to be paid any more;
            AccountNotHeld; InsufficientBaht; PaymentRefused, the EVM chain would not take it.
        ChainUnavailable: its node does not answer.
    """
    bridge = bridge_of(context)
    purchase = await _purchase(context, user_id, reservation_id)
    if purchase.state != "awaiting_payment":
        raise Problem(409, "PaymentNotDue", f"it is {purchase.state}, not to be paid")
    token = await bridge.token()
    with _alone(context, reservation_id), _refusals():
        sent = await bridge.payer.pay(bridge.quotes.read(purchase.row), token)
    return SentPayment(reservation_id=reservation_id, evm_transaction=hexed(sent))


async def refund(context: ApiContext, user_id: int, reservation_id: str) -> SentPayment:
    """Take a payment back to the account that the hub holds.

    Raises:
        Problem: 404 UnknownPayment; 409 RefundNotDue, the energy has come or may yet, or the time
            has not come; AccountNotHeld; PaymentRefused.
        ChainUnavailable: the EVM's node does not answer.
    """
    bridge = bridge_of(context)
    purchase = await _purchase(context, user_id, reservation_id)
    since = purchase.refundable_from
    if purchase.state != "refundable" or since is None or purchase.now < since:
        raise Problem(409, "RefundNotDue", f"it is {purchase.state}, refundable from {since}")
    with _alone(context, reservation_id), _refusals():
        sent = await bridge.payer.refund(bridge.quotes.read(purchase.row))
    return SentPayment(reservation_id=reservation_id, evm_transaction=hexed(sent))


async def _purchase(context: ApiContext, user_id: int, reservation_id: str) -> Purchase:
    found = await find_purchase(context.pool, user_id, reservation_id, context.clock())
    if found is None:
        raise unknown_payment(reservation_id)
    return found


@contextlib.contextmanager
def _alone(context: ApiContext, reservation_id: str) -> Iterator[None]:
    """Keep a second request for the same reservation out: it would send a second transaction."""
    place = ("payment", reservation_id)
    if place in context.under_way:
        raise Problem(409, "RequestInProgress", "it is being sent: try again", {"Retry-After": "1"})
    context.under_way.add(place)
    try:
        yield
    finally:
        context.under_way.discard(place)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Say what a refusal of the EVM's side means to the caller."""
    # Only a hub with a bridge comes here.
    from gridtokenx_hub.bridge import (  # noqa: PLC0415 - for that reason
        AccountNotHeld,
        EvmTransactionRefused,
        TooFewBaht,
    )

    try:
        yield
    except AccountNotHeld:
        raise Problem(
            409, "AccountNotHeld", "the hub has not this account's key: send the calls yourself"
        ) from None
    except TooFewBaht as error:
        raise Problem(409, "InsufficientBaht", f"{error}: send THBC to it first") from None
    except EvmTransactionRefused as error:
        raise Problem(409, "PaymentRefused", str(error)) from None
