"""From a backup's files into the database, within the caller's transaction."""

from pathlib import Path

from gridtokenx_hub.backup import tables
from gridtokenx_hub.backup.errors import BackupTooNew
from gridtokenx_hub.backup.files import read_piece
from gridtokenx_hub.backup.manifest import Manifest
from gridtokenx_hub.database.migrations import Migration, apply_migrations, packaged_migrations
from gridtokenx_hub.database.partitions import create_partition, partition_of
from gridtokenx_hub.leadership import Connection

SKIPPED_NUMBERS = 1 << 20
"""Numbers that were given out after the backup are not given out again: somebody may have them."""

FUNCTIONS = """
SELECT oid::regprocedure::text AS signature FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
"""
"""An extension's own are not ours to drop."""


def schema_of(manifest: Manifest) -> list[Migration]:
    """Return the migrations that the backed up database had.

    Raises:
        BackupTooNew: this program does not have all of them.
    """
    known = {migration.number: migration for migration in packaged_migrations()}
    applied = []
    for there in manifest.migrations:
        migration = known.get(there.number)
        if migration is None or migration.checksum != there.checksum:
            raise BackupTooNew(
                f"the backup's schema has migration {there.name}, which this program does not "
                f"have: restore it with gtx-hub {manifest.hub_version}, or a newer one"
            )
        applied.append(migration)
    return applied


async def drop_all(connection: Connection) -> None:
    """Drop every table, sequence and function of the schema."""
    names = await tables.existing(connection)
    if names:
        await connection.execute(f"DROP TABLE {', '.join(names)} CASCADE")
    for name in await tables.sequences(connection):
        await connection.execute(f"DROP SEQUENCE {name}")
    for row in await connection.fetch(FUNCTIONS):
        await connection.execute(f"DROP FUNCTION {row['signature']}")


async def load(connection: Connection, folder: Path, manifest: Manifest) -> None:
    """Make the schema that the backup was taken of, fill it, and bring it up to date."""
    await apply_migrations(connection, schema_of(manifest))
    pieces = {piece.table: piece for piece in manifest.pieces}
    for name in pieces:
        partition = partition_of(name)
        if partition is not None:
            await create_partition(connection, partition)
    # what migrations have put in
    await connection.execute(f"TRUNCATE {', '.join(pieces)}")
    for name in await tables.in_order(connection, pieces):
        await connection.copy_to_table(
            name,
            columns=pieces[name].columns,
            source=read_piece(folder, pieces[name]),
            format="binary",
        )
    for name, last in manifest.sequences.items():
        await connection.execute(
            "SELECT setval($1::text::regclass, $2)", name, last + SKIPPED_NUMBERS
        )
    await apply_migrations(connection, packaged_migrations())
