"""Purchases in baht: the quote, the reservation on Solana and the payment at the bridge, as one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from gridtokenx_hub.api.baht.models import Payment, PaymentDetails, Payments, PaymentState
from gridtokenx_hub.api.baht.payable import bridge_of, hexed, payable, refund_call
from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso, iso_or_none
from gridtokenx_protocol.units import format_grx, format_kwh

if TYPE_CHECKING:
    from gridtokenx_hub.api.context import ApiContext

REFUND_DELAY = dt.timedelta(hours=24)
"""The bridge's: from so long after the deadline on, nobody can hold a refund back."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
LAST_US = 253_402_300_799_000_000
"""The last second of the year 9999."""
HIGHEST_ADDRESS = "~"
"""Behind every address."""
_PURCHASES = """
SELECT q.*, r.amount_mwh, r.micro_grx, r.hold_until, r.status AS reservation,
       p.state AS payment, p.paid_at, p.ended_at, p.evm_transaction,
       CASE WHEN r.status = 'matched' THEN (
           SELECT t.tx_signature FROM transactions t
            WHERE t.order_id = q.order_id AND t.buyer_wallet = q.buyer_wallet
              AND t.payment_method = 'THB' AND t.timestamp = r.ended_at LIMIT 1) END AS tx_signature
  FROM quotes q JOIN reservations r USING (reservation_id)
  LEFT JOIN payments p USING (reservation_id)
 WHERE q.user_id = $1
"""
_LIST = (
    _PURCHASES
    + """
   AND (q.created_at, q.reservation_id) < ($2, $3)
 ORDER BY q.created_at DESC, q.reservation_id DESC LIMIT $4
"""
)


@dataclass(frozen=True, slots=True)
class Purchase:
    """One purchase in baht, at one instant: a row of the three tables."""

    row: asyncpg.Record
    now: dt.datetime

    @property
    def state(self) -> PaymentState:
        """How far it is.

        A locked payment waits for its energy until the reservation is over; the energy never comes
        after that, and the payer takes the baht back.
        """
        paid, reservation = self.row["payment"], self.row["reservation"]
        if paid == "refunded":
            return "refunded"
        if paid == "released":
            return "released"
        if reservation == "matched":
            return "energy_delivered"
        if paid == "locked":
            is_held = reservation == "open" and self.now <= self.row["hold_until"]
            return "paid" if is_held else "refundable"
        is_open = reservation == "open" and self.now <= self.row["pay_deadline"]
        return "awaiting_payment" if is_open else "expired_unpaid"

    @property
    def refundable_from(self) -> dt.datetime | None:
        """When the bridge gives the baht back to whoever asks; None where the energy has come."""
        if self.state not in ("paid", "refundable"):
            return None
        deadline: dt.datetime = self.row["pay_deadline"]
        return deadline + REFUND_DELAY

    def shown(self) -> dict[str, Any]:
        """Return the fields of a `Payment`."""
        row = self.row
        return {
            "reservation_id": row["reservation_id"],
            "order_id": row["order_id"],
            "state": self.state,
            "amount_kwh": format_kwh(row["amount_mwh"]),
            "total_price_grx": format_grx(row["micro_grx"]),
            "total_price_thbc": format_grx(row["micro_thbc"]),
            "payer": hexed(row["payer"]),
            "pay_deadline": iso(row["pay_deadline"]),
            "hold_until": iso(row["hold_until"]),
            "paid_at": iso_or_none(row["paid_at"]),
            "refundable_from": iso_or_none(self.refundable_from),
            "ended_at": iso_or_none(row["ended_at"]),
            "evm_transaction": row["evm_transaction"] and hexed(row["evm_transaction"]),
            "tx_signature": row["tx_signature"],
        }


async def list_payments(
    context: ApiContext, user_id: int, limit: int, cursor: str | None
) -> Payments:
    """Return a page of a user's purchases in baht, newest first.

    Raises:
        Problem: 409, this hub does not sell for baht; 422, the cursor is none of this list.
    """
    bridge_of(context)
    before_us, before_id = read_cursor("payments", cursor, int, str) or (LAST_US, HIGHEST_ADDRESS)
    before = EPOCH + min(max(int(before_us), 0), LAST_US) * MICROSECOND
    rows = await context.pool.fetch(_LIST, user_id, before, before_id, limit + 1)
    page, following = page_of(rows, limit, "payments", _key)
    now = context.clock()
    return Payments(
        payments=[Payment(**Purchase(row, now).shown()) for row in page], next=following
    )


async def payment_details(context: ApiContext, user_id: int, reservation_id: str) -> PaymentDetails:
    """Return one purchase of a user, with what is to be sent in its present state.

    Raises:
        Problem: 404 UnknownPayment, this user has none for that reservation; 409, this hub does
            not sell for baht.
        ChainUnavailable: the bridge's node does not say which token it takes.
    """
    bridge = bridge_of(context)
    purchase = await find_purchase(context.pool, user_id, reservation_id, context.clock())
    if purchase is None:
        raise unknown_payment(reservation_id)
    signed = bridge.quotes.read(purchase.row)
    can_pay = purchase.state == "awaiting_payment"
    return PaymentDetails(
        **purchase.shown(),
        payment=await payable(bridge, signed) if can_pay else None,
        refund=refund_call(bridge, signed) if purchase.state == "refundable" else None,
    )


def unknown_payment(reservation_id: str) -> Problem:
    """Return 404: this user has bought nothing by that reservation."""
    return Problem(404, "UnknownPayment", f"you have no payment for {reservation_id}")


async def find_purchase(
    pool: asyncpg.Pool, user_id: int, reservation_id: str, now: dt.datetime
) -> Purchase | None:
    """Return a user's purchase by its reservation, None when there is none."""
    row = await pool.fetchrow(_PURCHASES + " AND q.reservation_id = $2", user_id, reservation_id)
    return None if row is None else Purchase(row, now)


async def purchases_of_order(
    pool: asyncpg.Pool, user_id: int, order_id: str, now: dt.datetime
) -> list[Purchase]:
    """Return a user's purchases of one order, newest first."""
    rows = await pool.fetch(
        _PURCHASES + " AND q.order_id = $2 ORDER BY q.created_at DESC", user_id, order_id
    )
    return [Purchase(row, now) for row in rows]


def _key(row: asyncpg.Record) -> tuple[int, str]:
    return (row["created_at"] - EPOCH) // MICROSECOND, row["reservation_id"]
