"""A piece's file: gzip on the way out and in, its hash taken meanwhile."""

import hashlib
import os
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Self

from gridtokenx_hub.backup.errors import BackupDamaged
from gridtokenx_hub.backup.manifest import Piece

GZIP = 31
"""zlib's window bits for the gzip format."""
LEVEL = 1
"""Keys, hashes and signatures do not shrink; more effort gains 3 % for thrice the time."""
CHUNK = 1 << 20


class PieceWriter:
    """Compresses what it is given into a new file, for its owner alone, until it is closed."""

    def __init__(self, path: Path) -> None:
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        self._compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    @property
    def sha256(self) -> str:
        """Of the file, once it is finished."""
        return self._hash.hexdigest()

    async def write(self, data: bytes) -> None:
        """Take more."""
        self._put(self._compressor.compress(data))

    def finish(self) -> None:
        """Write what is left, down to the disk."""
        self._put(self._compressor.flush())
        self._file.flush()
        os.fsync(self._file.fileno())

    def _put(self, compressed: bytes) -> None:
        self._file.write(compressed)
        self._hash.update(compressed)
        self.size_bytes += len(compressed)


def check_piece(folder: Path, piece: Piece) -> None:
    """Compare a piece's file with what the manifest says of it.

    Raises:
        BackupDamaged: it is missing, cut off, or altered.
    """
    path = folder / piece.file_name
    digest = hashlib.sha256()
    try:
        size = path.stat().st_size
        for chunk in _chunks(path):
            digest.update(chunk)
    except FileNotFoundError:
        raise BackupDamaged(f"{path} is missing: use another backup") from None
    if size != piece.size_bytes:
        raise BackupDamaged(f"{path} has {size} bytes, not {piece.size_bytes}: use another backup")
    if digest.hexdigest() != piece.sha256:
        raise BackupDamaged(f"{path} is not what was written: use another backup")


async def read_piece(folder: Path, piece: Piece) -> AsyncIterator[bytes]:
    """Yield what was written into a piece that has been checked."""
    decompressor = zlib.decompressobj(GZIP)
    for chunk in _chunks(folder / piece.file_name):
        yield decompressor.decompress(chunk)
    yield decompressor.flush()


def sync_folder(path: Path) -> None:
    """Bring a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
