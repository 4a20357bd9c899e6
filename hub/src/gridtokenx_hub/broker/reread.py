"""The running broker reads its access and revocation lists anew when they change."""

import asyncio
import hashlib
import signal
from collections.abc import Sequence
from pathlib import Path

from gridtokenx_hub.broker.files import replace_file

LOOK_EVERY_S = 0.1


def digest(paths: Sequence[Path]) -> str:
    """Return what tells one state of these files from another."""
    state = hashlib.sha256()
    for path in paths:
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def marker_path(folder: Path) -> Path:
    """Return the file that says which state the broker in `folder` has been told to read."""
    return folder / "reread"


async def keep_reread(
    process: asyncio.subprocess.Process, paths: Sequence[Path], read: str, folder: Path
) -> None:
    """Send SIGHUP whenever the files change, and leave word of it, until cancelled.

    Args:
        process: the broker.
        paths: the files that it reads anew on SIGHUP.
        read: `digest` of the state with which it was started.
        folder: the broker's own.
    """
    replace_file(marker_path(folder), read.encode())
    while True:
        found = digest(paths)
        if found != read:
            process.send_signal(signal.SIGHUP)
            read = found
            replace_file(marker_path(folder), read.encode())
        await asyncio.sleep(LOOK_EVERY_S)


async def reread(paths: Sequence[Path], folder: Path, timeout_s: float) -> None:
    """Wait until the broker has been told to read the files as they are now.

    Raises:
        TimeoutError: it has not in time; most likely it does not run.
    """
    wanted = digest(paths)
    async with asyncio.timeout(timeout_s):
        while not _says(marker_path(folder), wanted):  # noqa: ASYNC110 - the broker is another process
            await asyncio.sleep(LOOK_EVERY_S)


def _says(marker: Path, wanted: str) -> bool:
    try:
        return marker.read_text() == wanted
    except FileNotFoundError:
        return False
