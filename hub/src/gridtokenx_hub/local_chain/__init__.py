"""A Solana chain in one process, for one machine: JSON-RPC over LiteSVM with a durable ledger."""

from gridtokenx_hub.local_chain.errors import (
    GenesisMismatchError,
    LedgerCommitError,
    LedgerUnusableError,
    LocalChainError,
)
from gridtokenx_hub.local_chain.genesis import Genesis
from gridtokenx_hub.local_chain.server import serve
from gridtokenx_hub.local_chain.slots import TimeSource

__all__ = [
    "Genesis",
    "GenesisMismatchError",
    "LedgerCommitError",
    "LedgerUnusableError",
    "LocalChainError",
    "TimeSource",
    "serve",
]
