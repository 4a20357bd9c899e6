"""What backups have come to: written when one has ended, for operators to see."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import asyncpg

from gridtokenx_hub.leadership import Connection

Standing = Literal["well", "never", "old", "failed"]

OLD_AFTER = dt.timedelta(hours=26)
"""One a day is expected, and two hours in which it is taken."""

EXISTS = "SELECT to_regclass('backups') IS NOT NULL"
"""An older schema has no such table, and is backed up all the same."""
GOOD = "INSERT INTO backups (began_at, ended_at, size_bytes) VALUES ($1, now(), $2)"
FAILED = "INSERT INTO backups (began_at, ended_at, failure) VALUES ($1, now(), $2)"
LAST_GOOD = "SELECT * FROM backups WHERE failure IS NULL ORDER BY began_at DESC LIMIT 1"
LAST_FAILED = "SELECT * FROM backups WHERE failure IS NOT NULL ORDER BY id DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Entry:
    """A backup that has ended: with a folder of `size_bytes`, or with a `failure`."""

    number: int
    began_at: dt.datetime
    ended_at: dt.datetime
    size_bytes: int | None
    failure: str | None

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Entry":
        """Return the entry in a row of `backups`."""
        return cls(row["id"], row["began_at"], row["ended_at"], row["size_bytes"], row["failure"])


@dataclass(frozen=True, slots=True)
class BackupState:
    """Where backups stand: the last good one, and the last failure if it came after that."""

    standing: Standing
    last_good: Entry | None
    failed: Entry | None


async def note_good(connection: Connection, began_at: dt.datetime, size_bytes: int) -> None:
    """Write down a backup that is whole."""
    if await connection.fetchval(EXISTS):
        await connection.execute(GOOD, began_at, size_bytes)


async def note_failed(connection: Connection, began_at: dt.datetime, error: Exception) -> None:
    """Write down why a backup came to nothing."""
    if await connection.fetchval(EXISTS):
        await connection.execute(FAILED, began_at, f"{type(error).__name__}: {error}")


async def read_backup_state(pool: asyncpg.Pool, now: dt.datetime) -> BackupState:
    """Return where backups stand; one that was killed has left nothing but its age."""
    good, failed = await pool.fetchrow(LAST_GOOD), await pool.fetchrow(LAST_FAILED)
    last_good = None if good is None else Entry.of(good)
    last_failed = None if failed is None else Entry.of(failed)
    if last_good and last_failed and last_failed.began_at < last_good.began_at:
        last_failed = None
    return BackupState(_standing(last_good, last_failed, now), last_good, last_failed)


def _standing(good: Entry | None, failed: Entry | None, now: dt.datetime) -> Standing:
    if failed is not None:
        return "failed"
    if good is None:
        return "never"
    return "old" if now - good.began_at > OLD_AFTER else "well"
