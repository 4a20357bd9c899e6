"""Finding meters where the user says they may be, and the profile that fits each. Only reads."""

from gridtokenx_edge.probe.fit import Fit, best_fits
from gridtokenx_edge.probe.places import Place, hosts_of, serial_lines
from gridtokenx_edge.probe.record import golden_case
from gridtokenx_edge.probe.search import Found, search

__all__ = [
    "Fit",
    "Found",
    "Place",
    "best_fits",
    "golden_case",
    "hosts_of",
    "search",
    "serial_lines",
]
