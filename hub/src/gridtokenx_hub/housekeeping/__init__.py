"""What is over in the market is ended and cleared away."""

from gridtokenx_hub.housekeeping.housekeeping import Housekeeping

__all__ = ["Housekeeping"]
