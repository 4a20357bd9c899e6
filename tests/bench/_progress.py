"""What the benchmark's processes know of each other: numbers in a shared file."""

import asyncio
import mmap
from collections.abc import Callable
from pathlib import Path

SIZE = 8
MAX_WORKERS = 4


class Progress:
    """Whether the load has begun and ended, and how far each ingest worker is.

    Each number has one writer.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes((2 + 2 * MAX_WORKERS) * SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), (2 + 2 * MAX_WORKERS) * SIZE)

    @property
    def begun(self) -> bool:
        """Whether the meters are known and the load proper runs."""
        return self._read(0) > 0

    @property
    def ended(self) -> bool:
        """Whether all of the load is stored, or given up."""
        return self._read(1) > 0

    @property
    def stored(self) -> int:
        """Readings stored by all workers."""
        return sum(self._read(2 + 2 * worker) for worker in range(MAX_WORKERS))

    @property
    def connections(self) -> int:
        """Workers that are connected to the broker."""
        return sum(self._read(3 + 2 * worker) for worker in range(MAX_WORKERS))

    def begin(self) -> None:
        """Say that the load proper runs (the load generator)."""
        self._write(0, 1)

    def end(self) -> None:
        """Say that all of the load is stored, or given up (the load generator)."""
        self._write(1, 1)

    def report(self, worker: int, stored: int, connections: int) -> None:
        """Say how far a worker is (that worker)."""
        self._write(2 + 2 * worker, stored)
        self._write(3 + 2 * worker, connections)

    def _read(self, index: int) -> int:
        return int.from_bytes(self._memory[index * SIZE : (index + 1) * SIZE], "little")

    def _write(self, index: int, value: int) -> None:
        self._memory[index * SIZE : (index + 1) * SIZE] = value.to_bytes(SIZE, "little")


async def until(condition: Callable[[], bool], timeout_s: float, pause_s: float = 0.001) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - shared memory signals nothing
            await asyncio.sleep(pause_s)
