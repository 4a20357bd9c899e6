"""Two signed readings of one sequence: kept as proof, and shown to the chain."""

from gridtokenx_hub.equivocation.evidence import Contradiction, keep
from gridtokenx_hub.equivocation.reporter import EquivocationReporter

__all__ = ["Contradiction", "EquivocationReporter", "keep"]
