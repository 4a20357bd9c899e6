"""Stopping tasks for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_ASK_AGAIN_AFTER_S: Final = 1.0


async def stop_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended.

    ``asyncio.wait_for`` of Python 3.11 loses a cancellation that comes together with what it
    waits for, and the MQTT and Modbus clients use it: so a task is asked again.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_ASK_AGAIN_AFTER_S)
