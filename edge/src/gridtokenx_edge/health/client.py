"""Asking a running agent for its figures."""

import http.client
import re
from typing import Final

_PATIENCE_S: Final = 5.0
_SAMPLE: Final = re.compile(r'gtx_edge_(\w+)\{meter="([0-9a-f]+)"(?:,reason="(\w+)")?\} (\S+)')


def fetch_figures(port: int) -> dict[str, dict[str, float]] | None:
    """For each meter id in hex its figures, by name; None if nobody answers.

    How often a reason kept a reading from being signed is ``refused_total.REASON``.

    Args:
        port: Of the health page on this machine.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    figures: dict[str, dict[str, float]] = {}
    for name, meter, reason, value in _SAMPLE.findall(text):
        figures.setdefault(meter, {})[f"{name}.{reason}" if reason else name] = float(value)
    return figures
