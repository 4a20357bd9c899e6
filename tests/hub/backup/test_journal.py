"""What a backup leaves in the database, and what a restore makes of it."""

import datetime as dt
from pathlib import Path

import pytest
from tests.hub.onchain import World

from gridtokenx_hub.backup import verify
from gridtokenx_hub.backup.errors import NothingToBackUp
from gridtokenx_hub.backup.journal import OLD_AFTER, BackupState, read_backup_state
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.readings.journals import clear_journals

from .hubs import Hub


async def state_of(hub: Hub) -> BackupState:
    async with hub.pool() as pool:
        return await read_backup_state(pool, utc_now())


async def test_a_backup_that_is_whole(world: World, hub: Hub, tmp_path: Path) -> None:
    assert (await state_of(hub)).standing == "never"
    manifest = verify(await hub.back_up(world, tmp_path))
    state = await state_of(hub)
    assert (state.standing, state.failed) == ("well", None)
    assert state.last_good is not None
    assert state.last_good.began_at == manifest.taken_at <= state.last_good.ended_at
    assert state.last_good.size_bytes == manifest.size_bytes
    async with hub.pool() as pool:
        later = await read_backup_state(pool, manifest.taken_at + 2 * OLD_AFTER)
    assert later.standing == "old"


async def test_one_that_cannot_be_written(world: World, hub: Hub, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("no folder")
    code, _, errors = await hub.run("backup", "--to", target)
    assert code == 1
    state = await state_of(hub)
    assert (state.standing, state.last_good) == ("failed", None)
    assert state.failed is not None
    assert str(state.failed.failure).startswith("FileExistsError: ")
    assert str(target) in errors
    await hub.back_up(world, tmp_path)
    assert (await state_of(hub)).standing == "well"


async def test_a_restore_brings_the_backup_that_it_is_of(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    """What the backup holds ends with the one before it."""
    await hub.back_up(world, tmp_path / "a")
    second = await hub.back_up(world, tmp_path / "b")
    await hub.back_up(world, tmp_path / "c")
    await spare.restore(second)
    state = await state_of(spare)
    assert state.last_good is not None
    assert state.last_good.began_at == verify(second).taken_at
    assert len(await spare.rows("backups")) == 2


async def test_a_schema_of_before(world: World, hub: Hub, tmp_path: Path) -> None:
    """Its backup is the first step of bringing it up to date."""
    await world.pool.execute("DROP TABLE backups")
    verify(await hub.back_up(world, tmp_path / "good"))
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        await hub.back_up(world, tmp_path / "file")


async def test_a_database_of_no_hub_gets_none(world: World, spare: Hub, tmp_path: Path) -> None:
    with pytest.raises(NothingToBackUp):
        await spare.back_up(world, tmp_path)
    assert await spare.tables() == []


async def test_the_last_good_one_is_kept_whatever_its_age(world: World, hub: Hub) -> None:
    for year, failure in ((2020, None), (2021, "f"), (2022, None), (2023, "f")):
        await world.pool.execute(
            "INSERT INTO backups (began_at, ended_at, size_bytes, failure)"
            " SELECT at, at, CASE WHEN $2::text IS NULL THEN 1 END, $2"
            " FROM make_timestamptz($1, 1, 1, 0, 0, 0, 'UTC') AS at",
            year,
            failure,
        )
    async with world.pool.acquire() as connection:
        await clear_journals(connection, dt.datetime(2030, 1, 1, tzinfo=dt.UTC))
    kept = await world.pool.fetch("SELECT began_at FROM backups ORDER BY id")
    assert [row["began_at"].year for row in kept] == [2022, 2023]
