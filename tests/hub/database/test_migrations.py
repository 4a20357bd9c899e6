"""Migrations: once, in order, whole or not at all, and never over what they do not know."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from gridtokenx_hub.database import MigrationError, migrate, open_pool
from gridtokenx_hub.database.migrations import Migration, packaged_migrations

ONE = Migration(1, "0001_one.sql", "CREATE TABLE one (a int)")
TWO = Migration(2, "0002_two.sql", "ALTER TABLE one ADD b int; CREATE TABLE two (a int)")


@pytest.fixture
async def empty(postgres_url: str, database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A database without our schema."""
    name = database_url.rpartition("/")[2] + "_empty"
    admin = await asyncpg.connect(f"{postgres_url}/postgres")
    await admin.execute(f"CREATE DATABASE {name}")
    async with await open_pool(f"{postgres_url}/{name}") as pool:
        yield pool
    await admin.execute(f"DROP DATABASE {name}")
    await admin.close()


async def tables(pool: asyncpg.Pool) -> set[str]:
    rows = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows} - {"schema_migrations"}


async def test_each_is_applied_once_and_in_order(empty: asyncpg.Pool) -> None:
    await migrate(empty, [ONE])
    await migrate(empty, [ONE, TWO])
    await migrate(empty, [ONE, TWO])
    assert await tables(empty) == {"one", "two"}
    rows = await empty.fetch("SELECT number, name FROM schema_migrations ORDER BY number")
    assert [tuple(row) for row in rows] == [(1, ONE.name), (2, TWO.name)]


async def test_processes_that_start_together_migrate_one_after_the_other(
    empty: asyncpg.Pool,
) -> None:
    await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert "readings" in await tables(empty)


async def test_one_that_fails_leaves_nothing_behind(empty: asyncpg.Pool) -> None:
    broken = replace(TWO, sql=TWO.sql + "; SELECT nonsense")
    with pytest.raises(asyncpg.UndefinedColumnError):
        await migrate(empty, [ONE, broken])
    assert await tables(empty) == {"one"}
    await migrate(empty, [ONE, TWO])
    assert await tables(empty) == {"one", "two"}


async def test_a_changed_one_is_refused(empty: asyncpg.Pool) -> None:
    await migrate(empty, [ONE])
    with pytest.raises(MigrationError, match=r"0001_one.sql is not the text"):
        await migrate(empty, [replace(ONE, sql="CREATE TABLE one (a bigint)"), TWO])
    assert await tables(empty) == {"one"}


async def test_an_unknown_one_is_refused(empty: asyncpg.Pool) -> None:
    await migrate(empty, [ONE, TWO])
    with pytest.raises(MigrationError, match=r"0002_two.sql, which this program does not know"):
        await migrate(empty, [ONE])


async def test_the_lock_is_let_go_after_a_failure(empty: asyncpg.Pool) -> None:
    await migrate(empty, [ONE, TWO])
    with pytest.raises(MigrationError):
        await migrate(empty, [ONE])
    async with asyncio.timeout(10):
        await asyncio.gather(*(migrate(empty, [ONE, TWO]) for _ in range(2)))


def test_ours_are_numbered_once_each() -> None:
    numbers = [migration.number for migration in packaged_migrations()]
    assert numbers[0] == 1
    assert sorted(set(numbers)) == numbers
