"""Files that only their owner may read."""

import os
import stat
from pathlib import Path

from gridtokenx_edge.errors import KeyFileError


def create_private_file(path: Path, data: bytes) -> None:
    """Write a new file with mode 0600, on disk before this returns.

    Raises:
        KeyFileError: It exists, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path} exists; keep it, or choose another path") from None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}; choose a writable folder") from error
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_private_file(path: Path) -> bytes:
    """Read a file that must be this user's alone.

    Raises:
        KeyFileError: Missing, unreadable, another user's, or open to others.
    """
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if state.st_uid != os.geteuid():
                raise KeyFileError(f"{path} belongs to another user; chown it to this one")
            if stat.S_IMODE(state.st_mode) & 0o077:
                raise KeyFileError(f"{path} is open to others; run: chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        raise KeyFileError(
            f"there is no key file {path}; make it with: gtx-edge keys create --out {path}"
        ) from None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}; check its owner and mode") from error
