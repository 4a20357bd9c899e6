"""The baht bridge's side: its contracts as built, and what is signed for them."""

from gridtokenx_programs.evm.bridge import BridgeId, PaymentState, Quote, Release
from gridtokenx_programs.evm.signing import address_of_key, personal_digest, recover, sign

__all__ = [
    "BridgeId",
    "PaymentState",
    "Quote",
    "Release",
    "address_of_key",
    "personal_digest",
    "recover",
    "sign",
]
