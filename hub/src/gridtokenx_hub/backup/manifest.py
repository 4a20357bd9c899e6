"""What a backup says of itself: `manifest.json`, sealed with a hash of its own."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gridtokenx_hub.backup.errors import BackupDamaged, BackupTooNew, NotABackup

FILE_NAME = "manifest.json"
FORMAT = 1

Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
"""Of a table, column or sequence: it becomes part of a statement."""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Piece(_Part):
    """One table's rows: PostgreSQL's binary COPY of these columns, in a gzip file.

    `size_bytes` and `sha256` are of the file as it lies there.
    """

    table: Name
    columns: tuple[Name, ...]
    rows: Count
    size_bytes: Count
    sha256: Hash

    @property
    def file_name(self) -> str:
        """Name of its file in the backup's folder."""
        return f"{self.table}.copy.gz"


class AppliedMigration(_Part):
    """A migration that the database had."""

    number: int
    name: str
    checksum: Hash


class ProgramVersion(_Part):
    """A chain program as the hub knew it."""

    address: str
    sha256: Hash


class Watermark(_Part):
    """How far the indexer had read a program's events."""

    event_sequence: Count
    slot: Count


class Manifest(_Part):
    """A backup's table of contents.

    Attributes:
        format: of the backup; 1.
        taken_at: when its snapshot of the database was taken.
        deployment: 4 bytes in hex.
        genesis_hash: of the chain; None when it did not answer.
        epoch: of the hub, which no restored hub has again.
        hub_version: of the program that took it.
        postgresql: version of the server.
        programs: the chain programs by name.
        migrations: the database's schema.
        watermarks: by program.
        wallet_keys: ids of the key files that open the wallets in it.
        sequences: last number that each sequence had given out, 0 for none.
        pieces: the tables.
        not_included: what an operator has to keep by other means.
    """

    format: Literal[1]
    taken_at: datetime
    deployment: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
    genesis_hash: str | None
    epoch: Count
    hub_version: str
    postgresql: str
    programs: dict[str, ProgramVersion]
    migrations: tuple[AppliedMigration, ...]
    watermarks: dict[str, Watermark]
    wallet_keys: tuple[str, ...]
    sequences: dict[Name, Count]
    pieces: tuple[Piece, ...]
    not_included: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows in all tables."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def size_bytes(self) -> int:
        """Bytes of all pieces as they lie there."""
        return sum(piece.size_bytes for piece in self.pieces)

    def file_content(self) -> bytes:
        """Return what the manifest's file holds."""
        content = self.model_dump(mode="json")
        return json.dumps({"sha256": _digest(content), "manifest": content}, indent=1).encode()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the backup in `folder`.

    Raises:
        NotABackup: there is none.
        BackupTooNew: its format is another.
        BackupDamaged: it is not what was written.
    """
    path = folder / FILE_NAME
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotABackup(f"{folder} is no backup: it has no {FILE_NAME}") from None
    try:
        sealed = json.loads(raw)
        content = sealed["manifest"]
        if content["format"] > FORMAT:
            raise BackupTooNew(
                f"{folder} has format {content['format']}: restore it with the newer program"
            )
        if sealed["sha256"] != _digest(content):
            raise BackupDamaged(f"{path} is not what was written: take another backup")
        return Manifest.model_validate(content)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise BackupDamaged(f"{path} cannot be read: take another backup") from error


def _digest(content: Any) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
