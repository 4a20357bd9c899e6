"""The surplus register: what was produced beyond consumption, interval by interval."""

from gridtokenx_edge.surplus.register import Boundary, boundary_due, close_interval, floor_boundary

__all__ = ["Boundary", "boundary_due", "close_interval", "floor_boundary"]
