"""Turns signed settlement readings into tokens: an outbox, sent at least once, effective once."""

from gridtokenx_hub.settlement.settlement import Settlement

__all__ = ["Settlement"]
