"""Figures for whoever watches over the agent: Prometheus text on a local port."""

from gridtokenx_edge.health.figures import MeterFigures, prometheus_text
from gridtokenx_edge.health.server import serve_figures

__all__ = ["MeterFigures", "prometheus_text", "serve_figures"]
