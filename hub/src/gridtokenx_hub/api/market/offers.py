"""What users do with offers to buy: create, accept, cancel."""

from collections.abc import Sequence

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
from gridtokenx_hub.api.market.market import iso_or_none, payment
from gridtokenx_hub.api.market.trading_models import (
    AcceptedOffer,
    AcceptOffer,
    CancelledOffer,
    CancelOffer,
    CreatedOffer,
    CreateOffer,
)
from gridtokenx_hub.api.transactions.delivery import Plan, deliver
from gridtokenx_hub.api.transactions.idempotency import Attempt
from gridtokenx_hub.indexer.market import STATUS
from gridtokenx_protocol.units import format_grx, format_kwh, quote


async def create_offer(context: ApiContext, attempt: Attempt, body: CreateOffer) -> CreatedOffer:
    """Ask for energy at a price; the GRX for it go into escrow.

    Raises:
        WalletMustSign: the hub does not hold the buyer's wallet.
        TransactionRefused: the program's own refusal, such as InsufficientBalance.
        Problem: ClockSkew, the hub's clock and the chain's are too far apart.
    """
    total_micro_grx = quote(body.amount_mwh, body.price_micro_grx)

    async def plan() -> Plan:
        return _create_plan(context, Pubkey.from_string(body.buyer_wallet), body)

    delivered = await deliver_new(context, attempt, "create_offer", plan)
    event = delivered.told("OfferCreated")
    return CreatedOffer(
        offer_id=delivered.facts["offer_id"],
        buyer_wallet=body.buyer_wallet,
        amount_kwh=format_kwh(body.amount_mwh),
        price_per_kwh=format_grx(body.price_micro_grx),
        total_price_grx=format_grx(total_micro_grx),
        status="active",
        tx_signature=delivered.tx_signature,
        created_at=time_of(context, event),
        expires_at=iso_or_none(body.expires_at),
    )


def _create_plan(context: ApiContext, wallet: Pubkey, body: CreateOffer) -> Plan:
    addresses = context.addresses
    nonce = draw_nonce(context)
    offer = addresses.offer(wallet, nonce)

    def instructions(payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["trading"].instruction(
                "create_offer",
                {
                    "nonce": nonce,
                    "amount_mwh": body.amount_mwh,
                    "price_micro_grx": body.price_micro_grx,
                    "expires_at": unix_s(body.expires_at),
                },
                {
                    "market": addresses.market(),
                    "buyer": wallet,
                    "buyer_user": addresses.user(wallet),
                    "offer": offer,
                    "escrow": addresses.escrow(offer),
                    "buyer_grx": addresses.associated_token(wallet, addresses.grx_mint()),
                    "grx_mint": addresses.grx_mint(),
                    "payer": payer,
                },
            )
        ]

    return Plan(instructions, (wallet,), CREATE_UNITS, {"offer_id": str(offer)})


async def accept_offer(context: ApiContext, attempt: Attempt, body: AcceptOffer) -> AcceptedOffer:
    """Deliver all that an offer still asks for, or a part of it.

    Raises:
        WalletMustSign: the hub does not hold the seller's wallet.
        Problem: InvalidOrder, there is no such offer or it is over.
        TransactionRefused: the program's own refusal, such as AmountMismatch.
    """

    async def plan() -> Plan:
        return await _accept_plan(context, Pubkey.from_string(body.seller_wallet), body)

    delivered = await deliver(context, attempt, "accept_offer", plan)
    trade = delivered.told("OfferAccepted")
    return AcceptedOffer(
        offer_id=body.offer_id,
        seller_wallet=body.seller_wallet,
        buyer_wallet=trade["buyer"],
        amount_kwh=format_kwh(trade["amount_mwh"]),
        price_per_kwh=format_grx(trade["price_micro_grx"]),
        total_price_grx=format_grx(trade["payment_micro_grx"]),
        status=status_of(trade),
        tx_signature=delivered.tx_signature,
        filled_at=time_of(context, trade),
    )


async def _accept_plan(context: ApiContext, wallet: Pubkey, body: AcceptOffer) -> Plan:
    addresses, address = context.addresses, Pubkey.from_string(body.offer_id)
    offer = await read_open_entry(context, "Offer", address)
    filled_mwh, price_micro_grx = offer["filled_mwh"], offer["price_micro_grx"]
    amount_mwh = offer["amount_mwh"] - filled_mwh if body.amount_mwh is None else body.amount_mwh
    after_mwh = filled_mwh + amount_mwh
    energy, grx = addresses.energy_mint(), addresses.grx_mint()

    def instructions(_payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["trading"].instruction(
                "accept_offer",
                {"amount_mwh": amount_mwh, "price_micro_grx": price_micro_grx},
                {
                    "market": addresses.market(),
                    "offer": address,
                    "escrow": addresses.escrow(address),
                    "seller": wallet,
                    "seller_user": addresses.user(wallet),
                    "seller_energy": addresses.associated_token(wallet, energy),
                    "seller_grx": addresses.associated_token(wallet, grx),
                    "buyer_energy": addresses.associated_token(offer["buyer"], energy),
                },
            )
        ]

    expected = {
        "buyer": str(offer["buyer"]),
        "amount_mwh": amount_mwh,
        "price_micro_grx": price_micro_grx,
        "payment_micro_grx": payment(after_mwh, filled_mwh, price_micro_grx),
        "status": STATUS.index("filled" if after_mwh == offer["amount_mwh"] else "active"),
    }
    return Plan(instructions, (wallet,), TRADE_UNITS, expected)


async def cancel_offer(context: ApiContext, attempt: Attempt, body: CancelOffer) -> CancelledOffer:
    """Take back an offer; the GRX that are left go back to the buyer.

    Raises:
        WalletMustSign: the hub does not hold the buyer's wallet.
        Problem: InvalidOrder, there is no such offer.
        TransactionRefused: the program's own refusal: InvalidOrder, Unauthorized.
    """

    async def plan() -> Plan:
        return await _cancel_plan(context, Pubkey.from_string(body.buyer_wallet), body)

    delivered = await deliver(context, attempt, "cancel_offer", plan)
    event = delivered.told("OfferCancelled")
    return CancelledOffer(
        offer_id=body.offer_id,
        buyer_wallet=body.buyer_wallet,
        returned_grx=format_grx(event["refunded_micro_grx"]),
        status="cancelled",
        tx_signature=delivered.tx_signature,
    )


async def _cancel_plan(context: ApiContext, wallet: Pubkey, body: CancelOffer) -> Plan:
    addresses, address = context.addresses, Pubkey.from_string(body.offer_id)
    offer = await read_entry(context, "Offer", address)

    def instructions(_payer: Pubkey) -> Sequence[Instruction]:
        return [
            context.programs["trading"].instruction(
                "cancel_offer",
                {},
                {
                    "market": addresses.market(),
                    "offer": address,
                    "escrow": addresses.escrow(address),
                    "buyer": wallet,
                    "buyer_grx": addresses.associated_token(wallet, addresses.grx_mint()),
                },
            )
        ]

    left = payment(offer["amount_mwh"], offer["filled_mwh"], offer["price_micro_grx"])
    return Plan(instructions, (wallet,), CANCEL_UNITS, {"refunded_micro_grx": left})
