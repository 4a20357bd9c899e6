"""Readings from the broker: verified, stored once, acknowledged with the hub's signature."""

from gridtokenx_hub.ingest.counters import Counters
from gridtokenx_hub.ingest.ingest import Ingest

__all__ = ["Counters", "Ingest"]
