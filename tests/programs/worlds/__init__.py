"""Chains that the programs' tests run on: one in memory, and real ones over JSON-RPC."""

from worlds.memory import MemoryWorld
from worlds.outcome import Outcome
from worlds.world import DECIMALS, SOL, START, World, table_of

__all__ = ["DECIMALS", "SOL", "START", "MemoryWorld", "Outcome", "World", "table_of"]
