"""The hub's one way to the chain: JSON-RPC, to the local chain and to any cluster alike."""

from gridtokenx_hub.chain.client import ChainClient
from gridtokenx_hub.chain.errors import (
    ChainError,
    ChainUnavailable,
    RequestRefused,
    TransactionExpired,
    TransactionRefused,
)
from gridtokenx_hub.chain.fee_payers import FeePayerPool
from gridtokenx_hub.chain.sender import Cosign, TransactionSender
from gridtokenx_hub.chain.types import (
    AccountInfo,
    Confirmation,
    Draft,
    ExecutedInstruction,
    LatestBlockhash,
    PreparedTransaction,
    SignatureInfo,
    SignatureStatus,
    Transaction,
)

__all__ = [
    "AccountInfo",
    "ChainClient",
    "ChainError",
    "ChainUnavailable",
    "Confirmation",
    "Cosign",
    "Draft",
    "ExecutedInstruction",
    "FeePayerPool",
    "LatestBlockhash",
    "PreparedTransaction",
    "RequestRefused",
    "SignatureInfo",
    "SignatureStatus",
    "Transaction",
    "TransactionExpired",
    "TransactionRefused",
    "TransactionSender",
]
