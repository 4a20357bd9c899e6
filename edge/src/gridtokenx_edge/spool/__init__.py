"""Readings on disk until their verdict is known."""

from gridtokenx_edge.spool.spool import AckOutcome, Spool
from gridtokenx_edge.spool.state import Pending
from gridtokenx_edge.spool.thread import SpoolThread

__all__ = ["AckOutcome", "Pending", "Spool", "SpoolThread"]
