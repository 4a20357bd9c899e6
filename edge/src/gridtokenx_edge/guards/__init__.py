"""What a reading must pass before it is signed."""

from gridtokenx_edge.guards.frozen import FrozenGuard
from gridtokenx_edge.guards.identity import IdentityGuard
from gridtokenx_edge.guards.registers import Accepted, RegisterGuard

__all__ = ["Accepted", "FrozenGuard", "IdentityGuard", "RegisterGuard"]
