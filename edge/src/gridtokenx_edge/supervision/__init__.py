"""Talking with systemd: ready, alive, stopping (sd_notify)."""

from gridtokenx_edge.supervision.notify import Supervisor

__all__ = ["Supervisor"]
