"""A disk of a few MiB that can be filled to the last byte: a tmpfs."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """Where it is mounted."""

    folder: Path

    def fill(self) -> None:
        """Write to the disk until not one byte more fits."""
        file = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 16, 1 << 10, 1):
                while _written(file, size):
                    pass
        finally:
            os.close(file)

    def make_room(self) -> None:
        """Delete what filled it."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


def _written(file: int, size: int) -> bool:
    try:
        os.write(file, bytes(size))
    except OSError:
        return False
    return True


@asynccontextmanager
async def small_disk(folder: Path, size: str) -> AsyncIterator[SmallDisk]:
    """Mount one."""
    await asyncio.to_thread(folder.mkdir)
    if complaint := await _mount("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder):
        pytest.fail(f"this test mounts a tmpfs: be root, or begin with unshare -Urm ({complaint})")
    try:
        yield SmallDisk(folder)
    finally:
        assert not await _mount("umount", folder)


async def _mount(*words: str | Path) -> str:
    """Run mount or umount; returns what it complains of."""
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
    _, complaint = await process.communicate()
    return complaint.decode().strip() if process.returncode else ""
