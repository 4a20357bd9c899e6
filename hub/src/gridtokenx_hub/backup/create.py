"""Taking a backup while the hub works: one snapshot, one folder, whole or not there."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import asyncpg

from gridtokenx_hub.backup import tables
from gridtokenx_hub.backup.errors import BackupUnderWay, NothingToBackUp
from gridtokenx_hub.backup.files import PieceWriter, sync_folder
from gridtokenx_hub.backup.journal import note_failed, note_good
from gridtokenx_hub.backup.manifest import (
    FILE_NAME,
    AppliedMigration,
    Manifest,
    Piece,
    ProgramVersion,
    Watermark,
)
from gridtokenx_hub.chain import ChainClient, ChainError
from gridtokenx_hub.database import OUTAGES
from gridtokenx_hub.database.partitions import ADVISORY_LOCK as LAYOUT_LOCK
from gridtokenx_hub.leadership import LOCK_CLASS, TRY_LOCK, Connection, Job
from gridtokenx_programs import Program

UNFINISHED = ".partial"
NOT_INCLUDED = (
    "keys/ (roles, wallets, acknowledgements)",
    "certificates/ (the authority of devices and broker)",
    "hub.toml",
    "the broker's retained messages",
)
HUB_STATE = "SELECT epoch, deployment, now() AS now FROM hub_state"
MIGRATIONS = "SELECT number, name, checksum FROM schema_migrations ORDER BY number"
WATERMARKS = "SELECT program, event_sequence, slot FROM watermarks"
WALLET_KEYS = "SELECT DISTINCT key_id FROM wallets ORDER BY key_id"
EVM_ACCOUNT_KEYS = "SELECT DISTINCT key_id FROM evm_accounts WHERE key_id IS NOT NULL"
HAS_EVM_ACCOUNTS = "SELECT to_regclass('evm_accounts') IS NOT NULL"
"""An older schema has none."""


async def back_up(
    url: str, target: Path, client: ChainClient, programs: Mapping[str, Program]
) -> Path:
    """Write a backup of the database into a new folder under `target`; return that folder.

    What it has come to is written into the database: that it is there, or why not.

    The hub may work meanwhile. Until all is written and synced, the folder has another name, which
    begins with a dot; what a killed backup left there is removed by the next one.

    Raises:
        NothingToBackUp: no hub has run on this database.
        BackupUnderWay: another backup of it is being taken.
        OSError: the folder cannot be written, or the disk is full.
    """
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval(TRY_LOCK, LOCK_CLASS, int(Job.BACKUP)):
            raise BackupUnderWay("another backup of this database is being taken: wait for it")
        await connection.execute("SELECT pg_advisory_lock_shared($1)", LAYOUT_LOCK)
        began_at = await connection.fetchval("SELECT now()")
        try:
            folder, manifest = await _snapshot(connection, target, client, programs)
        except (OSError, asyncpg.PostgresError) as error:
            with contextlib.suppress(OSError, *OUTAGES):  # what failed may be this very connection
                await note_failed(connection, began_at, error)
            raise
        await note_good(connection, manifest.taken_at, manifest.size_bytes)
        return folder
    finally:
        await connection.close()


async def _snapshot(
    connection: Connection, target: Path, client: ChainClient, programs: Mapping[str, Program]
) -> tuple[Path, Manifest]:
    # Before the snapshot: a number that is drawn meanwhile is above these.
    numbers = await tables.sequences(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if "hub_state" not in await tables.existing(connection):
            raise NothingToBackUp("no hub has run on this database yet")
        return await _write(connection, target, client, programs, numbers)


async def _write(
    connection: Connection,
    target: Path,
    client: ChainClient,
    programs: Mapping[str, Program],
    numbers: Mapping[str, int],
) -> tuple[Path, Manifest]:
    state = await connection.fetchrow(HUB_STATE)
    if state is None:
        raise NothingToBackUp("no hub has run on this database yet")
    deployment = state["deployment"].hex()
    with _folder(target, deployment, state["now"]) as folder:
        pieces = [
            await _write_piece(connection, folder, table, columns)
            for table, columns in (await tables.tables(connection)).items()
        ]
        manifest = Manifest(
            format=1,
            taken_at=state["now"],
            deployment=deployment,
            genesis_hash=await _genesis_hash(client),
            epoch=state["epoch"],
            hub_version=version("gridtokenx-hub"),
            postgresql=connection.get_settings().server_version,
            programs={name: _version(program) for name, program in programs.items()},
            migrations=tuple(
                [AppliedMigration(**dict(row)) for row in await connection.fetch(MIGRATIONS)]
            ),
            watermarks={
                row["program"]: Watermark(event_sequence=row["event_sequence"], slot=row["slot"])
                for row in await connection.fetch(WATERMARKS)
            },
            wallet_keys=await _wallet_keys(connection),
            sequences=dict(numbers),
            pieces=tuple(pieces),
            not_included=NOT_INCLUDED,
        )
        _write_manifest(folder, manifest)
    return target / _name(deployment, state["now"]), manifest


async def _wallet_keys(connection: Connection) -> tuple[str, ...]:
    """Return the ids of the keys that seal wallets and EVM accounts."""
    rows = await connection.fetch(WALLET_KEYS)
    if await connection.fetchval(HAS_EVM_ACCOUNTS):
        rows += await connection.fetch(EVM_ACCOUNT_KEYS)
    return tuple(sorted({row["key_id"] for row in rows}))


@contextlib.contextmanager
def _folder(target: Path, deployment: str, taken_at: datetime) -> Iterator[Path]:
    """Yield a folder that gets its name when all that is done with it has succeeded."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    # This database has no other backup under way: what is left of one is of a killed one.
    for stale in target.glob(f".gridtokenx-{deployment}-*{UNFINISHED}"):
        shutil.rmtree(stale)
    name = _name(deployment, taken_at)
    folder = target / f".{name}{UNFINISHED}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
        sync_folder(folder)
        folder.rename(target / name)
        sync_folder(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _name(deployment: str, taken_at: datetime) -> str:
    return f"gridtokenx-{deployment}-{taken_at:%Y%m%dT%H%M%S.%fZ}"


async def _write_piece(
    connection: Connection, folder: Path, table: str, columns: tuple[str, ...]
) -> Piece:
    with PieceWriter(folder / f"{table}.copy.gz") as file:
        copied = await connection.copy_from_query(
            tables.copy_query(table, columns), output=file.write, format="binary"
        )
        file.finish()
        return Piece(
            table=table,
            columns=columns,
            rows=int(copied.rpartition(" ")[2]),
            size_bytes=file.size_bytes,
            sha256=file.sha256,
        )


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    descriptor = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(manifest.file_content())
        file.flush()
        os.fsync(file.fileno())


async def _genesis_hash(client: ChainClient) -> str | None:
    """Return the chain's genesis hash; a backup does not wait for a chain that is away."""
    try:
        return str(await client.genesis_hash())
    except ChainError:
        return None


def _version(program: Program) -> ProgramVersion:
    return ProgramVersion(address=str(program.id), sha256=sha256(program.elf()).hexdigest())
