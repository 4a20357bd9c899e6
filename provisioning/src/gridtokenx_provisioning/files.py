"""Files that are whole or not there, also after a power cut."""

import os
from pathlib import Path

from gridtokenx_provisioning.errors import FolderError


def write_file(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner alone.

    Raises:
        FolderError: It cannot be written.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
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
    except OSError as error:
        raise FolderError(
            f"{path}: {error.strerror}; run this as the agent's user, in a folder of its own"
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, if it is not there.

    Raises:
        FolderError: It cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(
            f"{path}: {error.strerror}; make it as root and give it to the agent's user"
        ) from error
