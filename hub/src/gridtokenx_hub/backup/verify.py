"""Is a backup whole? Every byte is looked at; no database is needed."""

from pathlib import Path

from gridtokenx_hub.backup.files import check_piece
from gridtokenx_hub.backup.manifest import Manifest, read_manifest


def verify(folder: Path) -> Manifest:
    """Return the manifest of a backup that is what was written.

    Raises:
        NotABackup, BackupTooNew, BackupDamaged: it is not.
    """
    manifest = read_manifest(folder)
    for piece in manifest.pieces:
        check_piece(folder, piece)
    return manifest
