"""A purchase in baht: how far it is, and what its buyer can do about it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.api.baht.models import EvmCall, PaymentDetails
from gridtokenx_hub.api.baht.payable import bridge_of
from gridtokenx_hub.api.baht.payments import (
    Purchase,
    find_purchase,
    payment_details,
    unknown_payment,
)
from gridtokenx_hub.web.rendering import Visited, page

router = APIRouter()


@router.get("/payments/{reservation_id}")
async def payment(visit: Visited, reservation_id: str) -> HTMLResponse:
    """One purchase, for its buyer alone."""
    if visit.visitor is None or visit.visitor.user_id is None:
        return page(visit, "sign_in_first.html", heading="payment")
    context, user_id = visit.context, visit.visitor.user_id
    purchase = await find_purchase(context.pool, user_id, reservation_id, visit.now)
    if purchase is None:
        raise unknown_payment(reservation_id)
    details, bridge = await payment_details(context, user_id, reservation_id), bridge_of(context)
    return page(
        visit,
        "payment.html",
        purchase=purchase,
        left_s=_left_s(purchase),
        bridge=bridge.id,
        is_held=await bridge.accounts.holds(purchase.row["payer"]),
        details=details,
        calls=[call.content() for call in _calls(purchase, details)],
    )


def _calls(purchase: Purchase, details: PaymentDetails) -> list[EvmCall]:
    """Return what the bridge takes now: the calls that pay, or the one that takes back."""
    if details.payment is not None:
        return details.payment.calls
    since = purchase.refundable_from
    is_due = since is not None and purchase.now >= since
    return [details.refund] if details.refund is not None and is_due else []


def _left_s(purchase: Purchase) -> int:
    """Return for how long it can be paid, in seconds."""
    return max(0, int((purchase.row["pay_deadline"] - purchase.now).total_seconds()))
