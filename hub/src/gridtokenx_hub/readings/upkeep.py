"""The job that keeps roll-ups and retention up to date; one process at a time does it."""

import asyncio
import logging
from collections.abc import Callable

import asyncpg

from gridtokenx_hub.leadership import Connection, Job, lead_rounds
from gridtokenx_hub.readings.retention import retire
from gridtokenx_hub.readings.rollups import roll_up

ROLL_UP_EVERY_S = 10.0
"""Longer than a batch of ingest by far: what many readings add to one row is written once."""
RETIRE_EVERY_MS = 3_600_000

log = logging.getLogger(__name__)


class Upkeep:
    """Rolls readings up as they come, and retires what is old every hour.

    Args:
        pool: the hub's database.
        clock: Unix time in ms.
        pause_s: between two rounds.
    """

    def __init__(
        self, pool: asyncpg.Pool, clock: Callable[[], int], pause_s: float = ROLL_UP_EVERY_S
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._pause_s = pause_s
        self._retire_at_ms = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, through every outage."""
        await lead_rounds(self._pool, Job.UPKEEP, self._round, self._pause, self._pause_s, stop)

    async def _pause(self) -> None:
        await asyncio.sleep(self._pause_s)

    async def _round(self, connection: Connection) -> None:
        while await roll_up(connection):
            pass
        if self._clock() >= self._retire_at_ms:
            for name in await retire(connection, self._clock()):
                log.info("%s is past its age and dropped", name)
            self._retire_at_ms = self._clock() + RETIRE_EVERY_MS
