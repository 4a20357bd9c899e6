"""Chains that the programs' tests run on: one in memory, and real ones over JSON-RPC."""

from worlds.memory import MemoryWorld
from worlds.world import DECIMALS, SOL, START, Outcome, World, table_of

__all__ = ["DECIMALS", "SOL", "START", "MemoryWorld", "Outcome", "World", "table_of"]
