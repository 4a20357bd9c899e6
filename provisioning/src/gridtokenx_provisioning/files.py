"""Files and folders of an installation, with what to do when they cannot be made."""

from pathlib import Path

from gridtokenx_edge.durable import replace_file
from gridtokenx_provisioning.errors import FolderError


def write_file(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner alone.

    Raises:
        FolderError: It cannot be written.
    """
    try:
        replace_file(path, text, 0o600)
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
