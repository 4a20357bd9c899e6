"""Waiting for a database that is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gridtokenx_hub.database import OUTAGES
from gridtokenx_hub.ingest.counters import Counters

T = TypeVar("T")

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0
log = logging.getLogger(__name__)


async def until_done(operation: Callable[[], Awaitable[T]], counters: Counters) -> T:
    """Run `operation` until the database has carried it out, with growing pauses between."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await operation()
        except (OSError, *OUTAGES) as error:
            counters.retries += 1
            log.warning("database: %r; next try in %s s", error, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
