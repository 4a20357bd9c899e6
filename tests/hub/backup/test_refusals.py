"""What a restore refuses, each by name and with what to do; the database stays as it was."""

from pathlib import Path

import pytest
from tests.hub.onchain import World

from gridtokenx_hub.backup import BackupError
from gridtokenx_hub.backup.errors import (
    BackupTooNew,
    ChainBehind,
    DatabaseInUse,
    DatabaseNotEmpty,
    KeysMissing,
    OtherDeployment,
)

from .hubs import Hub


async def refused(
    hub: Hub, backup: Path, error: type[BackupError], *, replace: bool = False
) -> str:
    before = await hub.tables()
    with pytest.raises(error) as caught:
        await hub.restore(backup, replace=replace)
    assert await hub.tables() == before
    return str(caught.value)


async def test_another_chain(world: World, hub: Hub, spare: Hub, tmp_path: Path) -> None:
    await world.pool.execute("UPDATE hub_state SET deployment = 'abcd'")
    told = await refused(spare, await hub.back_up(world, tmp_path / "b"), OtherDeployment)
    assert "61626364" in told
    assert world.deployment.hex() in told


async def test_a_chain_that_has_lost_what_the_backup_has_seen(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    await world.pool.execute("INSERT INTO watermarks VALUES ('registry', '', 1, 1000000)")
    told = await refused(spare, await hub.back_up(world, tmp_path / "b"), ChainBehind)
    assert "1000000" in told


async def test_a_newer_schema(world: World, hub: Hub, spare: Hub, tmp_path: Path) -> None:
    await world.pool.execute(
        "INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', repeat('0', 64))"
    )
    told = await refused(spare, await hub.back_up(world, tmp_path / "b"), BackupTooNew)
    assert "9999_later.sql" in told


async def test_a_database_that_is_not_empty(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    backup = await hub.back_up(world, tmp_path / "b")
    await spare.restore(backup)
    before = await spare.rows("hub_state")
    assert "--replace" in await refused(spare, backup, DatabaseNotEmpty)
    assert await spare.rows("hub_state") == before


async def test_tables_of_somebody_else(world: World, hub: Hub, spare: Hub, tmp_path: Path) -> None:
    async with spare.pool() as pool:
        await pool.execute("CREATE TABLE theirs ()")
    backup = await hub.back_up(world, tmp_path / "b")
    assert "theirs" in await refused(spare, backup, DatabaseNotEmpty, replace=True)


async def test_a_hub_of_another_deployment_is_not_replaced(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    backup = await hub.back_up(world, tmp_path / "b")
    await spare.restore(backup)
    async with spare.pool() as pool:
        await pool.execute("UPDATE hub_state SET deployment = 'abcd'")
    await refused(spare, backup, OtherDeployment, replace=True)


async def test_a_hub_that_runs(world: World, hub: Hub, tmp_path: Path) -> None:
    backup = await hub.back_up(world, tmp_path / "b")
    async with world.pool.acquire():
        with pytest.raises(DatabaseInUse):
            await hub.restore(backup, replace=True)


@pytest.mark.parametrize("name", ["keys/wallets.seed", "keys/ack.seed"])
async def test_without_the_keys(
    world: World, hub: Hub, spare: Hub, tmp_path: Path, name: str
) -> None:
    (spare.folder / name).unlink()
    assert name in await refused(spare, await hub.back_up(world, tmp_path / "b"), KeysMissing)
    assert not (spare.folder / name).exists(), "none is made in its place"


async def test_without_the_authority_of_the_devices_certificates(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    (spare.folder / "certificates" / "ca.key").unlink()
    await spare.restore(await hub.back_up(world, tmp_path / "b"))
    await world.pool.execute("INSERT INTO certificates VALUES ('1', 'm', now(), now())")
    backup = await hub.back_up(world, tmp_path / "c")
    assert "ca.key" in await refused(spare, backup, KeysMissing, replace=True)


async def test_the_key_of_other_wallets(world: World, hub: Hub, spare: Hub, tmp_path: Path) -> None:
    await world.pool.execute("INSERT INTO wallets VALUES ('w', 'another key', '', '')")
    told = await refused(spare, await hub.back_up(world, tmp_path / "b"), KeysMissing)
    assert "another key" in told


async def test_refusals_and_a_chain_that_is_away_are_one_line(
    world: World, hub: Hub, spare: Hub, tmp_path: Path
) -> None:
    backup = await hub.back_up(world, tmp_path / "b")
    spare.follow("http://127.0.0.1:9")
    code, output, errors = await spare.run("restore", backup)
    assert (code, output) == (1, "")
    assert "see that the chain runs" in errors
    code, output, errors = await spare.run("restore", tmp_path)
    assert (code, output) == (1, "")
    assert "is no backup" in errors
