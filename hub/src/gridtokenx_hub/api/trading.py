"""What users do in the market: sell and buy."""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.api import market
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.delivery import Delivered, Plan, deliver
from gridtokenx_hub.api.idempotency import Attempt
from gridtokenx_hub.api.problems import Problem, unavailable
from gridtokenx_hub.api.trading_models import CreatedOrder, CreateOrder, FilledOrder, MatchOrder
from gridtokenx_hub.chain import TransactionRefused
from gridtokenx_programs import BadDataError
from gridtokenx_protocol.units import format_grx, format_kwh, quote

CREATE_ORDER = "create_order"
"""The instruction, and the step of a request that sends it."""
NONCE_TRIES = 3
CREATE_ORDER_UNITS = 30_000
MATCH_ORDER_UNITS = 20_000
NO_EXPIRY = 0
OPEN = ("Created", "Active")


async def create_order(context: ApiContext, attempt: Attempt, body: CreateOrder) -> CreatedOrder:
    """Put an order into the book; its energy goes into escrow.

    Raises:
        UnknownWallet: the hub does not hold the seller's wallet.
        TransactionRefused: the program's own refusal, such as InsufficientBalance.
        Problem: ClockSkew, the hub's clock and the chain's are too far apart.
    """
    total_micro_grx = quote(body.amount_mwh, body.price_micro_grx)
    seller = await context.vault.keypair(Pubkey.from_string(body.seller_wallet))

    async def plan() -> Plan:
        return await _create_plan(context, seller, body)

    delivered = await _deliver_order(context, attempt, plan)
    order_id = delivered.facts["order_id"]
    order = await market.order(context.pool, order_id)
    return CreatedOrder(
        order_id=order_id,
        seller_wallet=body.seller_wallet,
        amount_kwh=format_kwh(body.amount_mwh),
        price_per_kwh=format_grx(body.price_micro_grx),
        total_price_grx=format_grx(total_micro_grx),
        status="active",
        tx_signature=delivered.tx_signature,
        created_at=market.iso(order.created_at if order else context.clock()),
        expires_at=market.iso_or_none(body.expires_at),
    )


async def _deliver_order(
    context: ApiContext, attempt: Attempt, plan: Callable[[], Awaitable[Plan]]
) -> Delivered:
    """Deliver an order, under another nonce when the wallet has used one somewhere else."""
    for _ in range(NONCE_TRIES):
        try:
            return await deliver(context, attempt, CREATE_ORDER, plan)
        except TransactionRefused as refused:
            if refused.name != "InvalidNonce":
                raise
            attempt.forget(CREATE_ORDER)
    raise unavailable(
        "ClockSkew", "the hub's clock is not that of the chain: tell the operator to set it"
    )


async def _create_plan(context: ApiContext, seller: Keypair, body: CreateOrder) -> Plan:
    addresses, wallet = context.addresses, seller.pubkey()
    nonce = context.nonces.draw(int(context.clock().timestamp() * 1000))
    order = addresses.order(wallet, nonce)

    def instructions(payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["trading"].instruction(
                CREATE_ORDER,
                {
                    "nonce": nonce,
                    "amount_mwh": body.amount_mwh,
                    "price_micro_grx": body.price_micro_grx,
                    "expires_at": _unix_s(body.expires_at),
                },
                {
                    "market": addresses.market(),
                    "seller": wallet,
                    "seller_user": addresses.user(wallet),
                    "order": order,
                    "escrow": addresses.escrow(order),
                    "seller_energy": addresses.associated_token(wallet, addresses.energy_mint()),
                    "energy_mint": addresses.energy_mint(),
                    "payer": payer,
                },
            )
        ]

    return Plan(instructions, (seller,), CREATE_ORDER_UNITS, {"order_id": str(order)})


async def match_order(context: ApiContext, attempt: Attempt, body: MatchOrder) -> FilledOrder:
    """Buy all that an order has left.

    Raises:
        UnknownWallet: the hub does not hold the buyer's wallet.
        Problem: InvalidOrder, there is no such order or it is not for sale any more.
        TransactionRefused: the program's own refusal, such as SelfTradingNotAllowed.
    """
    buyer = await context.vault.keypair(Pubkey.from_string(body.buyer_wallet))

    async def plan() -> Plan:
        return await _match_plan(context, buyer, Pubkey.from_string(body.order_id))

    delivered = await deliver(context, attempt, "match_order", plan)
    facts = delivered.facts
    order = await market.order(context.pool, body.order_id)
    return FilledOrder(
        order_id=body.order_id,
        seller_wallet=facts["seller"],
        buyer_wallet=body.buyer_wallet,
        amount_kwh=format_kwh(facts["amount_mwh"]),
        price_per_kwh=format_grx(facts["price_micro_grx"]),
        total_price_grx=format_grx(facts["total_micro_grx"]),
        status="filled",
        tx_signature=delivered.tx_signature,
        filled_at=market.iso((order and order.filled_at) or context.clock()),
    )


async def _match_plan(context: ApiContext, buyer: Keypair, address: Pubkey) -> Plan:
    addresses, wallet = context.addresses, buyer.pubkey()
    order = await _open_order(context, address)
    seller = order["seller"]
    amount_mwh = order["amount_mwh"] - order["filled_mwh"] - order["reserved_mwh"]
    energy, grx = addresses.energy_mint(), addresses.grx_mint()

    def instructions(_payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["trading"].instruction(
                "match_order",
                {"amount_mwh": amount_mwh, "price_micro_grx": order["price_micro_grx"]},
                {
                    "market": addresses.market(),
                    "order": address,
                    "escrow": addresses.escrow(address),
                    "buyer": wallet,
                    "buyer_user": addresses.user(wallet),
                    "buyer_energy": addresses.associated_token(wallet, energy),
                    "buyer_grx": addresses.associated_token(wallet, grx),
                    "seller_grx": addresses.associated_token(seller, grx),
                },
            )
        ]

    facts = {
        "seller": str(seller),
        "amount_mwh": amount_mwh,
        "price_micro_grx": order["price_micro_grx"],
        "total_micro_grx": _payment(order, amount_mwh),
    }
    return Plan(instructions, (buyer,), MATCH_ORDER_UNITS, facts)


def _unix_s(instant: dt.datetime | None) -> int:
    """Return the chain's time of an instant, rounded up: no order ends before it was to."""
    return NO_EXPIRY if instant is None else -int(-instant.timestamp() // 1)


def _payment(order: Mapping[str, Any], amount_mwh: int) -> int:
    """Return what the program takes for a part: all parts of an order add up to its quote."""
    taken_mwh = order["filled_mwh"] + order["reserved_mwh"] + amount_mwh
    taken_micro_grx = order["paid_micro_grx"] + order["reserved_micro_grx"]
    return max(0, quote(taken_mwh, order["price_micro_grx"]) - int(taken_micro_grx))


async def _open_order(context: ApiContext, address: Pubkey) -> dict[str, Any]:
    """Read an order from the chain itself: the database may be a moment behind."""
    account = await context.client.account(address)
    if account is None or account.owner != context.addresses.trading:
        raise Problem(404, "InvalidOrder", f"there is no order {address}")
    try:
        order = context.programs["trading"].decode_account("Order", account.data)
    except BadDataError:
        raise Problem(404, "InvalidOrder", f"{address} is not an order") from None
    if order["status"] not in OPEN:
        raise Problem(
            409, "InvalidOrder", f"order {address} is {order['status'].lower()}, not for sale"
        )
    return order
