"""What becomes of stored readings: rolled up, and let go of by age."""

from gridtokenx_hub.readings.upkeep import Upkeep

__all__ = ["Upkeep"]
