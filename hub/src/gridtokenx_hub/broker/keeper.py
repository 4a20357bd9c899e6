"""Keeps the broker running: again when it has failed, anew when its lists have changed.

mosquitto can read its lists on SIGHUP as well, but 2.0.11 then loses count of the sessions of
clients that are away and ends with a segmentation fault later; a clean restart takes no longer,
keeps the sessions, and leaves no connection of anyone who is on the lists.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gridtokenx_hub.broker.lists import changed, digest, leave_word
from gridtokenx_hub.broker.process import (
    STOP_TIMEOUT_S,
    BrokerFailed,
    BrokerPlan,
    listening,
    start,
)

RESTART_PAUSE_S = 1.0

log = logging.getLogger(__name__)


async def keep_broker(
    plan: BrokerPlan, folder: Path, stop: asyncio.Event, on_ready: Callable[[], None]
) -> None:
    """Run the broker until `stop` is set.

    Args:
        plan: how it is started, and which lists it goes by.
        folder: its own.
        stop: ends it.
        on_ready: called when it listens for the first time.

    Raises:
        BrokerFailed: it did not come to listen for the first time. Later it is started again,
            after `RESTART_PAUSE_S`, however often it fails.
    """
    stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    was_ready = False

    def listens() -> None:
        nonlocal was_ready
        if not was_ready:
            on_ready()
        was_ready = True

    try:
        while not stop.is_set():
            try:
                await _run(plan, folder, stopping, listens)
            except BrokerFailed as failure:
                if not was_ready:
                    raise
                log.warning("%s; it is started again in %s s", failure, RESTART_PAUSE_S)
                await asyncio.wait({stopping}, timeout=RESTART_PAUSE_S)
    finally:
        stopping.cancel()


async def _run(
    plan: BrokerPlan,
    folder: Path,
    stopping: asyncio.Future[Any],
    on_listening: Callable[[], None],
) -> None:
    """Run it once, until it is to stop or its lists change."""
    read = digest(plan.lists)
    process = await start(plan, folder)
    ended = asyncio.ensure_future(process.wait())
    changing = asyncio.ensure_future(changed(plan.lists, read))
    try:
        await listening(plan.hub.port, ended)
        leave_word(folder, read)
        on_listening()
        waited: set[asyncio.Future[Any]] = {ended, stopping, changing}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise BrokerFailed(f"the broker ended with code {ended.result()}")
        if changing.done():
            changing.result()
            log.info("the lists have changed: the broker is started anew")
    finally:
        changing.cancel()
        await _end(process, ended)


async def _end(process: asyncio.subprocess.Process, ended: asyncio.Future[int]) -> None:
    if ended.done():
        return
    process.terminate()
    await asyncio.wait({ended}, timeout=STOP_TIMEOUT_S)
    if not ended.done():
        process.kill()
    await ended
