"""What users do with orders to sell: create, match, cancel."""

from collections.abc import Mapping, Sequence
from typing import Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.market.book_entries import (
    CANCEL_UNITS,
    CREATE_UNITS,
    TRADE_UNITS,
    deliver_new,
    draw_nonce,
    read_entry,
    read_open_entry,
    status_of,
    time_of,
    unix_s,
)
from gridtokenx_hub.api.market.market import iso_or_none
from gridtokenx_hub.api.market.trading_models import (
    CancelledOrder,
    CancelOrder,
    CreatedOrder,
    CreateOrder,
    FilledOrder,
    MatchOrder,
)
from gridtokenx_hub.api.transactions.delivery import Plan, deliver
from gridtokenx_hub.api.transactions.idempotency import Attempt
from gridtokenx_hub.indexer.market import STATUS
from gridtokenx_protocol.units import format_grx, format_kwh, quote


async def create_order(context: ApiContext, attempt: Attempt, body: CreateOrder) -> CreatedOrder:
    """Put an order into the book; its energy goes into escrow.

    Raises:
        WalletMustSign: the hub does not hold the seller's wallet.
        TransactionRefused: the program's own refusal, such as InsufficientBalance.
        Problem: ClockSkew, the hub's clock and the chain's are too far apart.
    """
    total_micro_grx = quote(body.amount_mwh, body.price_micro_grx)

    async def plan() -> Plan:
        return _create_plan(context, Pubkey.from_string(body.seller_wallet), body)

    delivered = await deliver_new(context, attempt, "create_order", plan)
    event = delivered.told("OrderCreated")
    return CreatedOrder(
        order_id=delivered.facts["order_id"],
        seller_wallet=body.seller_wallet,
        amount_kwh=format_kwh(body.amount_mwh),
        price_per_kwh=format_grx(body.price_micro_grx),
        total_price_grx=format_grx(total_micro_grx),
        status="active",
        tx_signature=delivered.tx_signature,
        created_at=time_of(context, event),
        expires_at=iso_or_none(body.expires_at),
    )


def _create_plan(context: ApiContext, wallet: Pubkey, body: CreateOrder) -> Plan:
    addresses = context.addresses
    nonce = draw_nonce(context)
    order = addresses.order(wallet, nonce)

    def instructions(payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["trading"].instruction(
                "create_order",
                {
                    "nonce": nonce,
                    "amount_mwh": body.amount_mwh,
                    "price_micro_grx": body.price_micro_grx,
                    "expires_at": unix_s(body.expires_at),
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

    return Plan(instructions, (wallet,), CREATE_UNITS, {"order_id": str(order)})


async def match_order(context: ApiContext, attempt: Attempt, body: MatchOrder) -> FilledOrder:
    """Buy all that an order has left, or a part of it.

    Raises:
        WalletMustSign: the hub does not hold the buyer's wallet.
        Problem: InvalidOrder, there is no such order or it is not for sale any more.
        TransactionRefused: the program's own refusal, such as AmountMismatch.
    """

    async def plan() -> Plan:
        return await _match_plan(context, Pubkey.from_string(body.buyer_wallet), body)

    delivered = await deliver(context, attempt, "match_order", plan)
    trade = delivered.told("TradeExecuted")
    return FilledOrder(
        order_id=body.order_id,
        seller_wallet=trade["seller"],
        buyer_wallet=body.buyer_wallet,
        amount_kwh=format_kwh(trade["amount_mwh"]),
        price_per_kwh=format_grx(trade["price_micro_grx"]),
        total_price_grx=format_grx(trade["payment_micro_grx"]),
        status=status_of(trade),
        tx_signature=delivered.tx_signature,
        filled_at=time_of(context, trade),
    )


async def _match_plan(context: ApiContext, wallet: Pubkey, body: MatchOrder) -> Plan:
    addresses, address = context.addresses, Pubkey.from_string(body.order_id)
    order = await read_open_entry(context, "Order", address)
    seller = order["seller"]
    amount_mwh = left_mwh(order) if body.amount_mwh is None else body.amount_mwh
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

    return Plan(instructions, (wallet,), TRADE_UNITS, _expected_trade(order, amount_mwh))


def _expected_trade(order: Mapping[str, Any], amount_mwh: int) -> dict[str, Any]:
    """Return what the event of a trade will say if the order stays as it is until then."""
    taken_mwh = order["filled_mwh"] + order["reserved_mwh"] + amount_mwh
    if taken_mwh < order["amount_mwh"]:
        status = "active"
    else:
        status = "matching" if order["reserved_mwh"] else "filled"
    return {
        "seller": str(order["seller"]),
        "amount_mwh": amount_mwh,
        "price_micro_grx": order["price_micro_grx"],
        "payment_micro_grx": price_of_part(order, amount_mwh),
        "status": STATUS.index(status),
    }


def price_of_part(order: Mapping[str, Any], amount_mwh: int) -> int:
    """Return what the next part of an order costs, µGRX: all parts together cost what it does."""
    taken_mwh = order["filled_mwh"] + order["reserved_mwh"] + amount_mwh
    taken_micro_grx: int = order["paid_micro_grx"] + order["reserved_micro_grx"]
    return max(0, quote(taken_mwh, order["price_micro_grx"]) - taken_micro_grx)


def left_mwh(order: Mapping[str, Any]) -> int:
    """Return what is neither sold nor reserved of an order."""
    return int(order["amount_mwh"] - order["filled_mwh"] - order["reserved_mwh"])


async def cancel_order(context: ApiContext, attempt: Attempt, body: CancelOrder) -> CancelledOrder:
    """Take what an order has left out of the book; it goes back to the seller.

    Raises:
        WalletMustSign: the hub does not hold the seller's wallet.
        Problem: InvalidOrder, there is no such order.
        TransactionRefused: the program's own refusal: InvalidOrder, Unauthorized.
    """

    async def plan() -> Plan:
        return await _cancel_plan(context, Pubkey.from_string(body.seller_wallet), body)

    delivered = await deliver(context, attempt, "cancel", plan)
    event = delivered.told("OrderCancelled")
    return CancelledOrder(
        order_id=body.order_id,
        seller_wallet=body.seller_wallet,
        returned_kwh=format_kwh(event["returned_mwh"]),
        reserved_kwh=format_kwh(event["reserved_mwh"]),
        status="matching" if event["reserved_mwh"] else "cancelled",
        tx_signature=delivered.tx_signature,
    )


async def _cancel_plan(context: ApiContext, wallet: Pubkey, body: CancelOrder) -> Plan:
    addresses, address = context.addresses, Pubkey.from_string(body.order_id)
    order = await read_entry(context, "Order", address)

    def instructions(_payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["trading"].instruction(
                "cancel",
                {},
                {
                    "market": addresses.market(),
                    "order": address,
                    "escrow": addresses.escrow(address),
                    "seller": wallet,
                    "seller_energy": addresses.associated_token(wallet, addresses.energy_mint()),
                },
            )
        ]

    reserved_mwh = order["reserved_mwh"]
    facts = {
        "returned_mwh": order["amount_mwh"] - order["filled_mwh"] - reserved_mwh,
        "reserved_mwh": reserved_mwh,
    }
    return Plan(instructions, (wallet,), CANCEL_UNITS, facts)
