"""Payments in baht: the hub's quotes, the accounts that pay, the bridge and what is sent to it."""

from gridtokenx_hub.bridge.accounts import EvmAccount, EvmAccounts
from gridtokenx_hub.bridge.bridge import Bridge, open_bridge
from gridtokenx_hub.bridge.evm_sender import EvmTransactionRefused
from gridtokenx_hub.bridge.payer import AccountNotHeld, TooFewBaht
from gridtokenx_hub.bridge.quotes import Quotes, SignedQuote

__all__ = [
    "AccountNotHeld",
    "Bridge",
    "EvmAccount",
    "EvmAccounts",
    "EvmTransactionRefused",
    "Quotes",
    "SignedQuote",
    "TooFewBaht",
    "open_bridge",
]
