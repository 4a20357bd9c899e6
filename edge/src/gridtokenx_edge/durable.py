"""Files that are whole or not there, also after a power cut."""

import os
from pathlib import Path


def replace_file(path: Path, text: str, mode: int) -> None:
    """Replace a file at once; it and its name are on disk before this returns.

    Args:
        path: The file.
        text: What it is to hold.
        mode: Its permissions when it is new, less those that the umask takes.

    Raises:
        OSError: It cannot be written; the old one is there still.
    """
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
