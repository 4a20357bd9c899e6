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
from gridtokenx_hub.chain.listener import NodeListener, ProgramListener
from gridtokenx_hub.chain.lookup_tables import LookupTable
from gridtokenx_hub.chain.messages import (
    INSTRUCTIONS_IN_FRONT,
    MAX_TRANSACTION_BYTES,
    compile_message,
    transaction_bytes,
)
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
    "INSTRUCTIONS_IN_FRONT",
    "MAX_TRANSACTION_BYTES",
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
    "LookupTable",
    "NodeListener",
    "PreparedTransaction",
    "ProgramListener",
    "RequestRefused",
    "SignatureInfo",
    "SignatureStatus",
    "Transaction",
    "TransactionExpired",
    "TransactionRefused",
    "TransactionSender",
    "compile_message",
    "transaction_bytes",
]
