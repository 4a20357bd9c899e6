"""From an accepted reading to signed records in their hash chain."""

from gridtokenx_edge.records.compose import Composer, Sample
from gridtokenx_edge.records.model import ChainState, Range, SignedReading

__all__ = ["ChainState", "Composer", "Range", "Sample", "SignedReading"]
