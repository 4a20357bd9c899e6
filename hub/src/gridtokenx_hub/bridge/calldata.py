"""Calls of the bridge and its token, encoded (Solidity ABI): what a payer's wallet sends."""

from gridtokenx_programs.evm import Quote
from gridtokenx_programs.evm.words import WORD, address_word, selector, word

_QUOTE = "(address,bytes32,bytes32,bytes32,uint256,uint64)"
_QUOTE_WORDS = 6
_PERMIT_WORDS = 4
_THBC = selector("THBC()")
_APPROVE = selector("approve(address,uint256)")
_PAY = selector(f"pay({_QUOTE},bytes)")
_PAY_WITH_PERMIT = selector(f"payWithPermit({_QUOTE},bytes,uint256,uint8,bytes32,bytes32)")
_NONCES = selector("nonces(address)")
_BALANCE = selector("balanceOf(address)")
_DOMAIN = selector("DOMAIN_SEPARATOR()")
_REFUND = selector("refund(bytes32)")


def thbc() -> bytes:
    """Ask the bridge for the token that it takes."""
    return _THBC


def approve(bridge: bytes, amount_micro_thbc: int) -> bytes:
    """Let the bridge take exactly this; goes to the token."""
    return _APPROVE + address_word(bridge) + word(amount_micro_thbc)


def pay(quote: Quote, signature: bytes) -> bytes:
    """Pay by a quote of the hub; goes to the bridge."""
    place = word((_QUOTE_WORDS + 1) * WORD)
    return _PAY + _fields(quote) + place + _bytes(signature)


def pay_with_permit(quote: Quote, signature: bytes, deadline_s: int, permit: bytes) -> bytes:
    """Pay by a quote, with the payer's 65-byte signature over the allowance (EIP-2612)."""
    place = word((_QUOTE_WORDS + 1 + _PERMIT_WORDS) * WORD)
    allowed = word(deadline_s) + word(permit[-1]) + permit[:-1]
    return _PAY_WITH_PERMIT + _fields(quote) + place + allowed + _bytes(signature)


def permit_nonce(owner: bytes) -> bytes:
    """Ask the token for the number of an account's next permit."""
    return _NONCES + address_word(owner)


def permit_domain() -> bytes:
    """Ask the token for its EIP-712 domain separator."""
    return _DOMAIN


def balance(owner: bytes) -> bytes:
    """Ask the token what an account has."""
    return _BALANCE + address_word(owner)


def refund(reservation: bytes) -> bytes:
    """Take back a payment whose time is over; goes to the bridge."""
    return _REFUND + reservation


def _fields(quote: Quote) -> bytes:
    return (
        address_word(quote.payer)
        + bytes(quote.reservation)
        + bytes(quote.solana_wallet)
        + quote.solana_chain
        + word(quote.amount_micro_thbc)
        + word(quote.deadline_s)
    )


def _bytes(data: bytes) -> bytes:
    return word(len(data)) + data + bytes(-len(data) % WORD)
