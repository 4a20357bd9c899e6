"""Follows the programs' events into the tables."""

from gridtokenx_hub.indexer.errors import (
    EventUnusable,
    HistoryConflict,
    IndexerError,
    Retracted,
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
    "Retracted",
    "SequenceHole",
    "TransactionMissing",
    "UnknownEvent",
]
