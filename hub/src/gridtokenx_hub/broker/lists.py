"""The lists by which the broker refuses, and word of which state of them it has read."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

from gridtokenx_hub.broker.files import replace_file

LOOK_EVERY_S = 0.1


def digest(lists: Sequence[Path]) -> str:
    """Return what tells one state of these files from another."""
    state = hashlib.sha256()
    for path in lists:
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


async def changed(lists: Sequence[Path], read: str) -> None:
    """Wait until the files are in another state than `read`, their `digest`."""
    while digest(lists) == read:  # noqa: ASYNC110 - another process writes them
        await asyncio.sleep(LOOK_EVERY_S)


def leave_word(folder: Path, read: str) -> None:
    """Say which state of the lists the broker in `folder` goes by."""
    replace_file(_word_path(folder), read.encode())


async def followed(lists: Sequence[Path], folder: Path, timeout_s: float) -> None:
    """Wait until the broker in `folder` goes by the lists as they are now.

    Raises:
        TimeoutError: it does not in time; most likely it does not run.
    """
    wanted = digest(lists)
    async with asyncio.timeout(timeout_s):
        while _word(folder) != wanted:  # noqa: ASYNC110 - the broker is another process
            await asyncio.sleep(LOOK_EVERY_S)


def _word_path(folder: Path) -> Path:
    return folder / "lists.read"


def _word(folder: Path) -> str:
    try:
        return _word_path(folder).read_text()
    except FileNotFoundError:
        return ""
