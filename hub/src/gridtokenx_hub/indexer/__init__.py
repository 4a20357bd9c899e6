"""Follows the programs' events into the tables."""

from gridtokenx_hub.indexer.errors import (
    EventUnusable,
    HistoryConflict,
    IndexerError,
    SequenceHole,
    TransactionMissing,
    UnknownEvent,
)
from gridtokenx_hub.indexer.indexer import Indexer

__all__ = [
    "EventUnusable",
    "HistoryConflict",
    "Indexer",
    "IndexerError",
    "SequenceHole",
    "TransactionMissing",
    "UnknownEvent",
]
