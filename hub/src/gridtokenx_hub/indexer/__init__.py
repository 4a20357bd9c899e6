"""Follows the programs' events into the tables, and reconciles the tables with the chain."""

from gridtokenx_hub.indexer.errors import (
    EventUnusable,
    HistoryConflict,
    IndexerError,
    SequenceHole,
    TransactionMissing,
    UnknownEvent,
)
from gridtokenx_hub.indexer.indexer import Indexer
from gridtokenx_hub.indexer.reconcile import Difference, reconcile

__all__ = [
    "Difference",
    "EventUnusable",
    "HistoryConflict",
    "Indexer",
    "IndexerError",
    "SequenceHole",
    "TransactionMissing",
    "UnknownEvent",
    "reconcile",
]
