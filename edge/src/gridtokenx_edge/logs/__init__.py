"""Structured logs: one JSON object a line, on standard error."""

from gridtokenx_edge.logs.json_lines import configure_logging, event
from gridtokenx_edge.logs.repeats import RepeatFilter

__all__ = ["RepeatFilter", "configure_logging", "event"]
