"""What goes in and out over HTTP where energy is sold and bought."""

from typing import Literal

from pydantic import Field

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_ORDER,
    EXAMPLE_SIGNATURE,
    EXAMPLE_TIME,
    EXAMPLE_WALLET,
    Address,
    Instant,
    Lots,
    Number,
    Price,
)
from gridtokenx_hub.api.http.models import In, Out

EXPIRY = "from then on it is out of the book; left out for never"


class CreateOrder(In):
    """Sell energy."""

    seller_wallet: Address
    amount_mwh: Lots = Field(alias="amount_kwh")
    price_micro_grx: Price = Field(alias="price_per_kwh")
    expires_at: Instant | None = Field(None, description=EXPIRY)


class CreatedOrder(Out):
    """An order that is now in the book."""

    order_id: str = Field(examples=[EXAMPLE_ORDER], description="address of the order on chain")
    seller_wallet: str = Field(examples=[EXAMPLE_WALLET])
    amount_kwh: Number
    price_per_kwh: Number
    total_price_grx: Number
    status: Literal["active"]
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    created_at: str = Field(examples=[EXAMPLE_TIME])
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME], description=EXPIRY)


class MatchOrder(In):
    """Buy all that an order has left, or a part of it."""

    buyer_wallet: Address
    order_id: Address
    amount_mwh: Lots | None = Field(None, alias="amount_kwh", description="left out: all")
    payment_method: Literal["GRX", "THB"] = Field(
        "GRX", description="GRX: at once; THB: it is reserved, and paid for at the baht bridge"
    )


class FilledOrder(Out):
    """A trade that is done; `status` is the order's after it."""

    order_id: str = Field(examples=[EXAMPLE_ORDER])
    seller_wallet: str = Field(examples=[EXAMPLE_WALLET])
    buyer_wallet: str = Field(examples=[EXAMPLE_WALLET])
    amount_kwh: Number
    price_per_kwh: Number
    total_price_grx: Number
    status: Literal["active", "matching", "filled"]
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    filled_at: str = Field(examples=[EXAMPLE_TIME])


class CancelOrder(In):
    """Take an order out of the book."""

    seller_wallet: Address
    order_id: Address


class CancelledOrder(Out):
    """An order that is over, or will be once its reservations are."""

    order_id: str = Field(examples=[EXAMPLE_ORDER])
    seller_wallet: str = Field(examples=[EXAMPLE_WALLET])
    returned_kwh: Number = Field(description="back to the seller")
    reserved_kwh: Number = Field(description="held until it is paid for or released")
    status: Literal["matching", "cancelled"]
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])


class CreateOffer(In):
    """Ask for energy; the GRX for it go into escrow."""

    buyer_wallet: Address
    amount_mwh: Lots = Field(alias="amount_kwh")
    price_micro_grx: Price = Field(alias="price_per_kwh")
    expires_at: Instant | None = Field(None, description=EXPIRY)


class CreatedOffer(Out):
    """A buy offer that sellers can accept now."""

    offer_id: str = Field(examples=[EXAMPLE_ORDER], description="address of the offer on chain")
    buyer_wallet: str = Field(examples=[EXAMPLE_WALLET])
    amount_kwh: Number
    price_per_kwh: Number
    total_price_grx: Number
    status: Literal["active"]
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    created_at: str = Field(examples=[EXAMPLE_TIME])
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME], description=EXPIRY)


class AcceptOffer(In):
    """Deliver all that an offer still asks for, or a part of it."""

    seller_wallet: Address
    offer_id: Address
    amount_mwh: Lots | None = Field(None, alias="amount_kwh", description="left out: all")


class AcceptedOffer(Out):
    """A trade that is done; `status` is the offer's after it."""

    offer_id: str = Field(examples=[EXAMPLE_ORDER])
    seller_wallet: str = Field(examples=[EXAMPLE_WALLET])
    buyer_wallet: str = Field(examples=[EXAMPLE_WALLET])
    amount_kwh: Number
    price_per_kwh: Number
    total_price_grx: Number
    status: Literal["active", "filled"]
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    filled_at: str = Field(examples=[EXAMPLE_TIME])


class CancelOffer(In):
    """Take back a buy offer."""

    buyer_wallet: Address
    offer_id: Address


class CancelledOffer(Out):
    """A buy offer that is over."""

    offer_id: str = Field(examples=[EXAMPLE_ORDER])
    buyer_wallet: str = Field(examples=[EXAMPLE_WALLET])
    returned_grx: Number = Field(description="back to the buyer")
    status: Literal["cancelled"]
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
