"""The bridge in the API's words: what a payer's account sends, and that baht are not offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gridtokenx_hub.api.baht.models import EvmCall, PayableQuote, QuoteFields
from gridtokenx_hub.api.http.problems import Problem

if TYPE_CHECKING:  # only a hub that sells for baht needs it
    from gridtokenx_hub.api.context import ApiContext
    from gridtokenx_hub.bridge import Bridge, SignedQuote


def bridge_of(context: ApiContext) -> Bridge:
    """Return the hub's bridge.

    Raises:
        Problem: 409 BahtNotOffered, it has none.
    """
    if context.bridge is None:
        raise not_offered()
    return context.bridge


def not_offered() -> Problem:
    """Return 409: this hub sells for GRX alone."""
    return Problem(409, "BahtNotOffered", "this hub does not sell for baht: pay with GRX")


async def payable(bridge: Bridge, signed: SignedQuote) -> PayableQuote:
    """Return a quote with the calls that pay it.

    Raises:
        ChainUnavailable: the bridge's node does not say which token it takes.
    """
    quote, token = signed.quote, await bridge.token()
    return PayableQuote(
        chain_id=bridge.id.chain_id,
        bridge=hexed(bridge.id.address),
        token=hexed(token),
        custody="hub" if await bridge.accounts.holds(quote.payer) else "own",
        quote=QuoteFields(
            payer=hexed(quote.payer),
            reservation=hexed(bytes(quote.reservation)),
            solana_wallet=hexed(bytes(quote.solana_wallet)),
            solana_chain=hexed(quote.solana_chain),
            amount=quote.amount_micro_thbc,
            deadline=quote.deadline_s,
        ),
        signature=hexed(signed.signature),
        calls=[
            _call("approve", token, bridge.approve(signed)),
            _call("pay", bridge.id.address, bridge.pay(signed)),
        ],
    )


def refund_call(bridge: Bridge, signed: SignedQuote) -> EvmCall:
    """Return the call that takes a payment back."""
    return _call("refund", bridge.id.address, bridge.refund(signed))


def hexed(data: bytes) -> str:
    """Write bytes as the EVM's tools do."""
    return f"0x{data.hex()}"


def _call(purpose: Literal["approve", "pay", "refund"], to: bytes, data: bytes) -> EvmCall:
    return EvmCall(purpose=purpose, to=hexed(to), data=hexed(data))
