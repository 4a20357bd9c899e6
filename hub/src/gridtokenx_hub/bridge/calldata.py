"""Calls of the bridge and its token, encoded (Solidity ABI): what a payer's wallet sends."""

from gridtokenx_programs.evm import Quote
from gridtokenx_programs.evm.words import WORD, address_word, selector, word

_QUOTE = "(address,bytes32,bytes32,bytes32,uint256,uint64)"
_HEAD_WORDS = 7
"""The quote's six, and the place of the signature."""
_THBC = selector("THBC()")
_APPROVE = selector("approve(address,uint256)")
_PAY = selector(f"pay({_QUOTE},bytes)")
_REFUND = selector("refund(bytes32)")


def thbc() -> bytes:
    """Ask the bridge for the token that it takes."""
    return _THBC


def approve(bridge: bytes, amount_micro_thbc: int) -> bytes:
    """Let the bridge take exactly this; goes to the token."""
    return _APPROVE + address_word(bridge) + word(amount_micro_thbc)


def pay(quote: Quote, signature: bytes) -> bytes:
    """Pay by a quote of the hub; goes to the bridge."""
    head = (
        address_word(quote.payer)
        + bytes(quote.reservation)
        + bytes(quote.solana_wallet)
        + quote.solana_chain
        + word(quote.amount_micro_thbc)
        + word(quote.deadline_s)
        + word(_HEAD_WORDS * WORD)
    )
    padding = bytes(-len(signature) % WORD)
    return _PAY + head + word(len(signature)) + signature + padding


def refund(reservation: bytes) -> bytes:
    """Take back a payment whose time is over; goes to the bridge."""
    return _REFUND + reservation
