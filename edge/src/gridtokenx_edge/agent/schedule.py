"""When to read: at multiples of the period, and at the boundaries of settlement intervals."""

import asyncio
from contextlib import suppress

from gridtokenx_edge.clock import Clock


def next_read_ms(now_ms: int, period_ms: int, interval_s: int) -> int:
    """The next moment to read after ``now_ms``, Unix ms.

    Moments are multiples of the period and of the interval since the Unix epoch. Being
    absolute, they do not drift, and moments that were missed are not made up for.
    """
    interval_ms = interval_s * 1000
    return min((now_ms // step + 1) * step for step in (period_ms, interval_ms))


async def sleep_until(due_ms: int, clock: Clock, asked: asyncio.Event) -> None:
    """Sleep until the wall clock shows ``due_ms`` or has been set back, or somebody asks.

    A timer may fire a little before the wall clock gets there: then it sleeps again.
    """
    start_ms = clock.now_ms()
    while not asked.is_set() and 0 < (left_ms := due_ms - clock.now_ms()) <= due_ms - start_ms:
        with suppress(TimeoutError):
            async with asyncio.timeout(left_ms / 1000):
                await asked.wait()
    asked.clear()
