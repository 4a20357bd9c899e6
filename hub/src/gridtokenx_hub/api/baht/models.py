"""What goes in and out over HTTP where energy is paid for in baht."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_ORDER,
    EXAMPLE_SIGNATURE,
    EXAMPLE_TIME,
    EXAMPLE_WALLET,
    Number,
    text,
)
from gridtokenx_hub.api.http.models import In, Out
from gridtokenx_hub.api.http.pagination import NEXT
from gridtokenx_programs.evm.words import ADDRESS, unhex

EXAMPLE_EVM = "0x8ba1f109551bd432803012645ac136ddd64dba72"
SIGNATURE_SIZE = 65

Custody = Literal["hub", "own"]
"""Who holds the key of an EVM account."""
PaymentState = Literal[
    "awaiting_payment",
    "expired_unpaid",
    "paid",
    "energy_delivered",
    "released",
    "refundable",
    "refunded",
]


def _sized(size: int) -> PlainValidator:
    def read(value: object) -> bytes:
        try:
            return unhex(value if isinstance(value, str) else "", size)
        except ValueError:
            raise ValueError(f"give 0x and {2 * size} hex digits") from None

    return PlainValidator(read)


EvmAddress = Annotated[bytes, _sized(ADDRESS), text(EXAMPLE_EVM, "0x and 40 hex digits")]
EvmSignature = Annotated[bytes, _sized(SIGNATURE_SIZE), text("0x…", "0x and 130 hex digits")]


class EvmCall(Out):
    """A transaction that the payer's account sends, without ether."""

    purpose: Literal["approve", "pay", "refund"]
    to: str = Field(examples=[EXAMPLE_EVM])
    data: str = Field(examples=["0x095ea7b3…"])


class QuoteFields(Out):
    """The quote as the bridge's contract takes it (`Quote`)."""

    payer: str = Field(examples=[EXAMPLE_EVM])
    reservation: str = Field(description="32 bytes in hex")
    solana_wallet: str = Field(description="32 bytes in hex")
    solana_chain: str = Field(description="genesis hash, 32 bytes in hex")
    amount: int = Field(description="millionths of THBC", examples=[30_000_000])
    deadline: int = Field(description="Unix seconds", examples=[1_764_000_000])


class PayableQuote(Out):
    """The hub's quote with its signature (EIP-712), where to pay it, and the calls that do."""

    chain_id: int = Field(examples=[31_337])
    bridge: str = Field(examples=[EXAMPLE_EVM])
    token: str = Field(examples=[EXAMPLE_EVM], description="THBC, which has 6 decimals")
    custody: Custody = Field(description="who holds the payer's key")
    quote: QuoteFields
    signature: str = Field(description="65 bytes in hex")
    calls: list[EvmCall] = Field(description="in this order, from the payer")


class ReservedOrder(Out):
    """A part of an order that waits for its payment in baht."""

    order_id: str = Field(examples=[EXAMPLE_ORDER])
    seller_wallet: str = Field(examples=[EXAMPLE_WALLET])
    buyer_wallet: str = Field(examples=[EXAMPLE_WALLET])
    amount_kwh: Number
    total_price_grx: Number
    total_price_thbc: Number
    rate_thb_per_grx: Number | None = Field(None, description="the rate that it was fixed at")
    status: Literal["reserved"]
    payment_method: Literal["THB"]
    reservation_id: str = Field(examples=[EXAMPLE_ORDER])
    pay_deadline: str = Field(examples=[EXAMPLE_TIME])
    hold_until: str = Field(examples=[EXAMPLE_TIME])
    payment: PayableQuote


class Payment(Out):
    """A purchase in baht, and how far it is."""

    reservation_id: str = Field(examples=[EXAMPLE_ORDER])
    order_id: str = Field(examples=[EXAMPLE_ORDER])
    state: PaymentState
    amount_kwh: Number
    total_price_grx: Number
    total_price_thbc: Number
    payer: str = Field(examples=[EXAMPLE_EVM])
    pay_deadline: str = Field(examples=[EXAMPLE_TIME])
    hold_until: str = Field(examples=[EXAMPLE_TIME])
    paid_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    refundable_from: str | None = Field(
        None, examples=[EXAMPLE_TIME], description="where the energy does not come"
    )
    ended_at: str | None = Field(None, examples=[EXAMPLE_TIME], description="released or refunded")
    evm_transaction: str | None = Field(None, description="that paid, 32 bytes in hex")
    tx_signature: str | None = Field(
        None, examples=[EXAMPLE_SIGNATURE], description="that delivered the energy"
    )


class PaymentDetails(Payment):
    """A purchase in baht with what is to be sent in its present state."""

    payment: PayableQuote | None = Field(None, description="while it can be paid")
    refund: EvmCall | None = Field(None, description="where the energy does not come")


class SentPayment(Out):
    """A transaction that the hub has sent from the account that it holds."""

    reservation_id: str = Field(examples=[EXAMPLE_ORDER])
    evm_transaction: str = Field(description="its hash, 32 bytes in hex")


class Payments(Out):
    """A page of purchases in baht, newest first."""

    payments: list[Payment]
    next: str | None = Field(None, description=NEXT)


class Account(Out):
    """The EVM account that a user pays from."""

    address: str = Field(examples=[EXAMPLE_EVM])
    custody: Custody


class AccountInUse(Out):
    """The EVM account that a user pays from, once there is one."""

    account: Account | None = None


class AskForAccount(In):
    """The account that a user wants to pay from."""

    address: EvmAddress


class AccountChallenge(Out):
    """What the account's key signs: `message` as it stands, by `personal_sign` (EIP-191)."""

    message: str = Field(description="UTF-8 text, to be signed as it is")
    nonce: str


class ChooseHeld(In):
    """Pay from the account that the hub holds for the user."""

    custody: Literal["hub"]


class ChooseOwn(In):
    """Pay from an account of the user's own, which has signed the challenge."""

    custody: Literal["own"]
    address: EvmAddress
    nonce: Annotated[str, Field(max_length=128)]
    signature: EvmSignature


ChooseAccount = Annotated[ChooseHeld | ChooseOwn, Field(discriminator="custody")]
