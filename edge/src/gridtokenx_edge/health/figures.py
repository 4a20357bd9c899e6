"""Figures of an agent in the text format of Prometheus, version 0.0.4."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_KINDS: Final = {
    "readings_total": ("counter", "Readings that were signed and written."),
    "refused_total": ("counter", "Readings that were not signed, by reason."),
    "messages_total": ("counter", "Messages that were published."),
    "acks_total": ("counter", "Signed acks of the hub."),
    "acks_not_written_total": ("counter", "Acks that could not be written to the spool."),
    "connections_lost_total": ("counter", "Connections to the broker that ended."),
    "connected": ("gauge", "1 while there is a connection to the broker."),
    "clock_status": ("gauge", "0 unknown, 1 relative, 2 informative, 3 synchronised."),
    "spool_bytes": ("gauge", "What the readings on disk take."),
    "oldest_sequence": ("gauge", "Oldest reading on disk."),
    "last_sequence": ("gauge", "Last sequence that was used."),
    "acked_sequence": ("gauge", "Up to here every reading has its verdict at the hub."),
    "last_reading_seconds": ("gauge", "Unix time of the last reading that was signed."),
}


@dataclass(frozen=True, slots=True)
class MeterFigures:
    """Figures of one meter.

    Attributes:
        meter: Its id in hex.
        values: Name without the prefix to its value; only names that ``_KINDS`` explains.
        refused: How many readings each reason kept from being signed.
    """

    meter: str
    values: Mapping[str, int | float]
    refused: Mapping[str, int]


def prometheus_text(version: str, meters: Sequence[MeterFigures]) -> str:
    """All figures, grouped by name as the format asks."""
    lines = [
        "# HELP gtx_edge_info Version of the agent.",
        "# TYPE gtx_edge_info gauge",
        f'gtx_edge_info{{version="{version}"}} 1',
    ]
    for name, (kind, text) in _KINDS.items():
        samples = [line for figures in meters for line in _samples(name, figures)]
        if samples:
            head = [f"# HELP gtx_edge_{name} {text}", f"# TYPE gtx_edge_{name} {kind}"]
            lines += head + samples
    return "\n".join(lines) + "\n"


def _samples(name: str, figures: MeterFigures) -> Iterable[str]:
    if name == "refused_total":
        for reason, count in sorted(figures.refused.items()):
            yield f'gtx_edge_{name}{{meter="{figures.meter}",reason="{reason}"}} {count}'
    elif name in figures.values:
        yield f'gtx_edge_{name}{{meter="{figures.meter}"}} {figures.values[name]}'
