"""From minted tokens back to the meter: what can be shown, and what everybody can check."""

from gridtokenx_hub.explain.answer import Explanation, Readings
from gridtokenx_hub.explain.errors import ExplainError, HistoryMissing, NotASettlement
from gridtokenx_hub.explain.explainer import Explainer

__all__ = [
    "ExplainError",
    "Explainer",
    "Explanation",
    "HistoryMissing",
    "NotASettlement",
    "Readings",
]
