"""What the market shows over HTTP: orders, offers, trades, statistics, price."""

from typing import Literal

from pydantic import Field

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_ORDER,
    EXAMPLE_SIGNATURE,
    EXAMPLE_TIME,
    EXAMPLE_WALLET,
    Number,
    UserType,
)
from gridtokenx_hub.api.http.models import Out
from gridtokenx_hub.api.http.pagination import NEXT

OrderStatus = Literal["active", "matching", "filled", "cancelled", "expired"]
"""Matching: all that is left is reserved for buyers who pay in baht."""
OfferStatus = Literal["active", "filled", "cancelled", "expired"]
PaymentMethod = Literal["GRX", "THB"]


class Party(Out):
    """Who sells, or who offers to buy."""

    wallet: str = Field(examples=[EXAMPLE_WALLET])
    name: str = Field(examples=["Solar Home A"])
    user_type: UserType


class ActiveOrder(Out):
    """An order as the book shows it; `amount_kwh` is what it has left."""

    order_id: str = Field(examples=[EXAMPLE_ORDER])
    seller: Party
    amount_kwh: Number
    price_per_kwh: Number
    total_price_grx: Number
    created_at: str = Field(examples=[EXAMPLE_TIME])
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME])


class OrderBook(Out):
    """Active orders in the order that was asked for."""

    orders: list[ActiveOrder]
    next: str | None = Field(None, description=NEXT)


class Fill(Out):
    """A part of an order or offer that changed hands; the other side's wallet alone is told."""

    wallet: str = Field(examples=[EXAMPLE_WALLET], description="of who took it")
    amount_kwh: Number
    total_grx: Number
    payment_method: PaymentMethod
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    timestamp: str = Field(examples=[EXAMPLE_TIME])


class ReservedPart(Out):
    """A part of an order that is held for a buyer who pays in baht."""

    reservation_id: str = Field(examples=[EXAMPLE_ORDER])
    buyer_wallet: str = Field(examples=[EXAMPLE_WALLET])
    amount_kwh: Number
    total_grx: Number
    total_thb: Number
    status: Literal["open", "matched", "released"]
    pay_deadline: str = Field(examples=[EXAMPLE_TIME])
    hold_until: str = Field(examples=[EXAMPLE_TIME])


class OrderDetails(Out):
    """An order of any status, with what became of it."""

    order_id: str = Field(examples=[EXAMPLE_ORDER])
    number: int = Field(examples=[1], description="counted by the market, in order of creation")
    seller: Party
    status: OrderStatus
    amount_kwh: Number
    filled_kwh: Number
    reserved_kwh: Number
    remaining_kwh: Number = Field(description="can be bought now")
    price_per_kwh: Number
    remaining_price_grx: Number
    created_at: str = Field(examples=[EXAMPLE_TIME])
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    filled_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    closed_at: str | None = Field(
        None, examples=[EXAMPLE_TIME], description="its accounts are gone"
    )
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    escrow: str = Field(examples=[EXAMPLE_WALLET], description="token account of its energy")
    rent_payer: str | None = Field(
        None, examples=[EXAMPLE_WALLET], description="who gets the rent back; while it is open"
    )
    fills: list[Fill] = Field(description="the newest hundred; all are in `trades`")
    reservations: list[ReservedPart] = Field(description="the newest hundred")


class OrderList(Out):
    """A user's orders of every status, newest first."""

    orders: list["OrderSummary"]
    next: str | None = Field(None, description=NEXT)


class OrderSummary(Out):
    """An order of any status; all about it is in its details."""

    order_id: str = Field(examples=[EXAMPLE_ORDER])
    status: OrderStatus
    amount_kwh: Number
    filled_kwh: Number
    reserved_kwh: Number
    remaining_kwh: Number
    price_per_kwh: Number
    created_at: str = Field(examples=[EXAMPLE_TIME])
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])


class ActiveOffer(Out):
    """An offer to buy; `amount_kwh` is what it still asks for."""

    offer_id: str = Field(examples=[EXAMPLE_ORDER])
    buyer: Party
    amount_kwh: Number
    price_per_kwh: Number
    total_price_grx: Number
    created_at: str = Field(examples=[EXAMPLE_TIME])
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME])


class OfferBook(Out):
    """Active offers, highest price first, then first come."""

    offers: list[ActiveOffer]
    next: str | None = Field(None, description=NEXT)


class OfferSummary(Out):
    """An offer of any status; all about it is in its details."""

    offer_id: str = Field(examples=[EXAMPLE_ORDER])
    status: OfferStatus
    amount_kwh: Number
    filled_kwh: Number
    remaining_kwh: Number
    price_per_kwh: Number
    created_at: str = Field(examples=[EXAMPLE_TIME])
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])


class OfferList(Out):
    """A user's offers of every status, newest first."""

    offers: list[OfferSummary]
    next: str | None = Field(None, description=NEXT)


class OfferDetails(OfferSummary):
    """An offer of any status, with what became of it."""

    number: int = Field(examples=[1], description="counted by the market, in order of creation")
    buyer: Party
    remaining_price_grx: Number
    closed_at: str | None = Field(
        None, examples=[EXAMPLE_TIME], description="its accounts are gone"
    )
    escrow: str = Field(examples=[EXAMPLE_WALLET], description="token account of its GRX")
    rent_payer: str | None = Field(
        None, examples=[EXAMPLE_WALLET], description="who gets the rent back; while it is open"
    )
    fills: list[Fill] = Field(description="the newest hundred; all are in `trades`")


class Counterparty(Out):
    """The other side of a trade."""

    wallet: str = Field(examples=[EXAMPLE_WALLET])
    name: str = Field(examples=["Consumer B"])


class HistoricTrade(Out):
    """A trade as one of its sides sees it."""

    order_id: str = Field(examples=[EXAMPLE_ORDER])
    side: Literal["sold", "bought"]
    counterparty: Counterparty
    amount_kwh: Number
    price_per_kwh: Number
    total_grx: Number
    payment_method: PaymentMethod
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    timestamp: str = Field(examples=[EXAMPLE_TIME])


class History(Out):
    """A user's trades, newest first."""

    transactions: list[HistoricTrade]
    next: str | None = Field(None, description=NEXT)


class MarketTrade(Out):
    """A trade as everybody sees it."""

    order_id: str = Field(examples=[EXAMPLE_ORDER], description="the order, or the offer")
    seller_wallet: str = Field(examples=[EXAMPLE_WALLET])
    buyer_wallet: str = Field(examples=[EXAMPLE_WALLET])
    amount_kwh: Number
    price_per_kwh: Number
    total_grx: Number
    payment_method: PaymentMethod
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    timestamp: str = Field(examples=[EXAMPLE_TIME])


class MarketTrades(Out):
    """Trades of the whole market, newest first."""

    trades: list[MarketTrade]
    next: str | None = Field(None, description=NEXT)


class WindowStatistics(Out):
    """What was traded in a span of time; without trades there are no prices and averages."""

    trades: int = Field(examples=[12])
    volume_kwh: Number
    volume_grx: Number
    lowest_price: Number | None = None
    highest_price: Number | None = None
    average_price: Number | None = Field(None, description="GRX per kWh over all that was traded")
    average_kwh: Number | None = Field(None, description="size of a trade")
    average_grx: Number | None = Field(None, description="size of a trade")
    match_rate: Number | None = Field(
        None,
        description="0 to 1: of the orders made in that time, how many found a buyer for a part",
    )


class Windows(Out):
    """The statistics of the last day, the last week and all time."""

    last_24_h: WindowStatistics = Field(alias="24h")
    last_7_d: WindowStatistics = Field(alias="7d")
    ever: WindowStatistics = Field(alias="all")


class Statistics(Out):
    """The market in figures; prices are in GRX per kWh."""

    best_price: Number | None = Field(None, description="lowest that a seller asks")
    best_offer: Number | None = Field(None, description="highest that a buyer offers")
    last_price: Number | None = None
    last_traded_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    active_orders: int = Field(examples=[5])
    active_kwh: Number
    active_offers: int = Field(examples=[2])
    windows: Windows


class PriceIn(Out):
    """A price of a kWh, in GRX and, where there is a rate, in baht (rounded up)."""

    grx: Number
    thb: Number | None = None


class MarketPrice(Out):
    """What a kWh costs, and the rate of the on-chain price feed."""

    best_price: PriceIn | None = Field(None, description="lowest that a seller asks")
    last_price: PriceIn | None = Field(None, description="of the last trade")
    thb_per_grx: Number | None = Field(None, description="left out before the feed's first rate")
    rate_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    stale: bool = Field(description="there is no rate of the last five minutes")
