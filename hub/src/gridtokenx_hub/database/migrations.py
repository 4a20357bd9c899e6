"""Numbered SQL files, each applied once and in one transaction."""

import hashlib
from dataclasses import dataclass
from importlib import resources

import asyncpg

from gridtokenx_hub.database.errors import MigrationError
from gridtokenx_hub.leadership import Connection

ADVISORY_LOCK = 0x475458  # "GTX": two processes that start together migrate one after the other

LOG_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number      integer PRIMARY KEY,
    name        text NOT NULL,
    checksum    text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file, `NNNN_name.sql`."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def packaged_migrations() -> list[Migration]:
    """Return the migrations that this program carries, in order."""
    folder = resources.files(__package__) / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [Migration(int(name[:4]), name, (folder / name).read_text("utf-8")) for name in files]


async def migrate(pool: asyncpg.Pool, migrations: list[Migration] | None = None) -> None:
    """Bring the schema up to date with `migrations` (default: those of this program).

    Raises:
        MigrationError: the database has a migration that this program does not know, or knows
            with another text.
    """
    known = packaged_migrations() if migrations is None else migrations
    async with pool.acquire() as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)
        try:
            await apply_migrations(connection, known)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", ADVISORY_LOCK)


async def apply_migrations(connection: Connection, known: list[Migration]) -> None:
    """Apply those of `known` that the database does not have, each in one transaction.

    Whoever calls it holds `ADVISORY_LOCK`.

    Raises:
        MigrationError: as `migrate`.
    """
    await connection.execute(LOG_TABLE)
    rows = await connection.fetch("SELECT number, name, checksum FROM schema_migrations")
    applied = {row["number"]: (row["name"], row["checksum"]) for row in rows}
    _check(applied, known)
    for migration in known:
        if migration.number not in applied:
            await _apply(connection, migration)


def _check(applied: dict[int, tuple[str, str]], known: list[Migration]) -> None:
    texts = {migration.number: migration.checksum for migration in known}
    for number, (name, checksum) in applied.items():
        if number not in texts:
            raise MigrationError(
                f"the database has migration {name}, which this program does not know: "
                "run the newer program that made it"
            )
        if texts[number] != checksum:
            raise MigrationError(
                f"migration {name} is not the text that was applied to this database: "
                "restore the file and put the change into a new migration"
            )


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.checksum,
        )
