"""The rate of the chain's price feed."""

import datetime as dt
from dataclasses import dataclass

import asyncpg

MAX_AGE = dt.timedelta(minutes=5)
"""As old as the trading program takes it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a GRX was worth when the price feed was last updated."""

    micro_thb_per_grx: int
    at: dt.datetime

    def is_old(self, now: dt.datetime) -> bool:
        """Return whether nobody could pay by it any more."""
        return now - self.at > MAX_AGE


async def read_rate(pool: asyncpg.Pool) -> Rate | None:
    """Return the rate that the chain knows, None while it knows none."""
    row = await pool.fetchrow(
        "SELECT micro_thb_per_grx, timestamp FROM prices ORDER BY event_sequence DESC LIMIT 1"
    )
    return None if row is None else Rate(row["micro_thb_per_grx"], row["timestamp"])
