"""What the benchmark's processes know of each other: three numbers in a shared file."""

import asyncio
import mmap
from collections.abc import Callable
from pathlib import Path

SIZE = 8
STORED, CONNECTIONS, BEGUN = range(3)
PAUSE_S = 0.0005


class Progress:
    """Readings stored and connections made (by the hub), and whether the load has begun."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(3 * SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 3 * SIZE)

    def __getitem__(self, index: int) -> int:
        return int.from_bytes(self._memory[index * SIZE : (index + 1) * SIZE], "little")

    def __setitem__(self, index: int, value: int) -> None:
        self._memory[index * SIZE : (index + 1) * SIZE] = value.to_bytes(SIZE, "little")


async def until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - shared memory signals nothing
            await asyncio.sleep(PAUSE_S)
