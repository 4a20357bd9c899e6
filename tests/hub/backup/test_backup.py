"""Taking a backup: whole or not there, of one moment, while the hub works."""

import asyncio
import json
import os
from pathlib import Path

import asyncpg
import pytest
from tests.hub.audit.market import open_market
from tests.hub.onchain import World, until
from tests.hub.readings.rows import insert, ms

from gridtokenx_hub.backup import BackupError, verify
from gridtokenx_hub.backup.errors import BackupUnderWay, NothingToBackUp
from gridtokenx_hub.readings.retention import retire
from gridtokenx_hub.readings.rollups import roll_up

from .hubs import Hub, killed_when

LATER = ms(2030, 1, 1)


async def test_what_it_says_of_itself(world: World, hub: Hub, tmp_path: Path) -> None:
    await open_market(world)
    code, output, errors = await hub.run("backup", "--to", tmp_path / "backups")
    assert (code, errors) == (0, "")
    path = Path(output.splitlines()[0])
    manifest = verify(path)
    assert path.parent == tmp_path / "backups"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert manifest.deployment == world.deployment.hex() in path.name
    assert manifest.genesis_hash == str(await world.client.genesis_hash())
    assert manifest.epoch == 1
    assert manifest.migrations[-1].name.startswith("0")
    assert set(manifest.programs) == set(world.programs)
    registered = await world.pool.fetchval("SELECT count(*) FROM users")
    rows = {piece.table: piece.rows for piece in manifest.pieces}
    assert rows["users"] == registered > 0
    assert rows["readings_default"] == 1
    assert {"hub_state", "schema_migrations", "readings"}.isdisjoint(rows)
    assert "not in it: keys/" in output
    assert f"{manifest.rows:,} rows" in output


async def test_it_names_the_keys_of_evm_accounts(world: World, hub: Hub, tmp_path: Path) -> None:
    """Without them a restore would bring accounts that nobody can open."""
    await open_market(world)
    await world.pool.execute(
        "INSERT INTO evm_accounts SELECT $1, min(id), 'a key', '', '', now() FROM users", bytes(20)
    )
    manifest = verify(await hub.back_up(world, tmp_path))
    assert "a key" in manifest.wallet_keys


async def test_it_is_for_its_owner_alone_and_holds_no_key(
    world: World, hub: Hub, tmp_path: Path
) -> None:
    backup = await hub.back_up(world, tmp_path)
    assert backup.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in backup.iterdir()} == {0o600}
    secrets = [file.read_bytes() for file in (hub.folder / "keys").iterdir()]
    written = b"".join(file.read_bytes() for file in backup.iterdir())
    assert len(secrets) == 2
    assert not any(secret in written for secret in secrets)


async def test_it_is_of_one_moment(world: World, hub: Hub, tmp_path: Path, spare: Hub) -> None:
    """Ack and reading are written in one transaction: a backup has both or neither."""
    written = 0
    done = asyncio.Event()

    async def ingest() -> None:
        nonlocal written
        async with world.pool.acquire() as connection:
            while not done.is_set():
                async with connection.transaction():
                    await insert(connection, written + 1, ms(2026, 6, 1) + written, meter=b"x" * 16)
                    await connection.execute(
                        "INSERT INTO acks (meter_id, sequence, hash) VALUES ($1, $2, '')"
                        " ON CONFLICT (meter_id) DO UPDATE SET sequence = excluded.sequence",
                        b"x" * 16,
                        written + 1,
                    )
                written += 1

    async def some() -> bool:
        return written > 100

    task = asyncio.create_task(ingest())
    await until(some)
    before = written
    backup = await hub.back_up(world, tmp_path / "b")
    assert written > before, "the hub went on meanwhile"
    done.set()
    await task
    await spare.restore(backup)
    async with spare.pool() as pool:
        acked = await pool.fetchval("SELECT sequence FROM acks WHERE meter_id = $1", b"x" * 16)
        assert await pool.fetchval("SELECT count(*) FROM readings") == acked >= before


async def test_a_killed_backup_is_not_there(world: World, hub: Hub, tmp_path: Path) -> None:
    """It is killed while it waits for a table, with others written already."""
    target = tmp_path / "backups"
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE verdicts")
        process = await hub.spawn("backup", "--to", target)

        async def some_written() -> bool:
            return len(list(target.glob(".*/*.copy.gz"))) > 20

        await killed_when(process, some_written)
    (left,) = target.iterdir()
    assert left.name.startswith(".")
    backup = await hub.back_up(world, target)
    assert list(target.iterdir()) == [backup], "the next one tidies up"
    verify(backup)


async def test_two_at_once(world: World, hub: Hub, tmp_path: Path) -> None:
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE verdicts")
        first = asyncio.create_task(hub.back_up(world, tmp_path / "b"))

        async def begun() -> bool:
            return (tmp_path / "b").exists()

        await until(begun)
        with pytest.raises(BackupUnderWay):
            await hub.back_up(world, tmp_path / "b")
    verify(await first)


async def test_upkeep_drops_no_table_meanwhile_and_a_hub_can_start(
    world: World, hub: Hub, tmp_path: Path
) -> None:
    async with world.pool.acquire() as connection:
        while await roll_up(connection):
            pass
        async with connection.transaction():
            await connection.execute("LOCK TABLE verdicts")
            task = asyncio.create_task(hub.back_up(world, tmp_path / "b"))

            async def begun() -> bool:
                return (tmp_path / "b").exists()

            await until(begun)
            assert await retire(connection, LATER) == []
        verify(await task)
        assert len(await retire(connection, LATER)) == 6


async def test_a_chain_that_is_away_keeps_nobody_from_a_backup(hub: Hub, tmp_path: Path) -> None:
    hub.follow("http://127.0.0.1:9")
    code, output, errors = await hub.run("backup", "--to", tmp_path / "b")
    assert (code, errors) == (0, "")
    assert verify(Path(output.splitlines()[0])).genesis_hash is None


async def test_a_database_without_a_hub(world: World, spare: Hub, tmp_path: Path) -> None:
    with pytest.raises(NothingToBackUp):
        await spare.back_up(world, tmp_path / "b")
    assert not (tmp_path / "b").exists()


async def test_a_place_that_cannot_be_written(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, output, errors = await hub.run("backup", "--to", tmp_path / "file")
    assert (code, output) == (1, "")
    assert errors.startswith("gtx-hub: ")
    assert len(errors.splitlines()) == 1


def _cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _another_epoch(path: Path) -> None:
    sealed = json.loads(path.read_bytes())
    sealed["manifest"]["epoch"] += 1
    path.write_text(json.dumps(sealed))


def _newer(path: Path) -> None:
    sealed = json.loads(path.read_bytes())
    sealed["manifest"]["format"] = 2
    path.write_text(json.dumps(sealed))


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        ("users.copy.gz", _cut_off, "bytes, not"),
        ("users.copy.gz", _flip, "not what was written"),
        ("users.copy.gz", Path.unlink, "is missing"),
        ("manifest.json", _cut_off, "cannot be read"),
        ("manifest.json", _empty, "cannot be read"),
        ("manifest.json", _another_epoch, "not what was written"),
        ("manifest.json", _newer, "newer program"),
        ("manifest.json", Path.unlink, "is no backup"),
    ],
)
async def test_harm_is_found(
    world: World, hub: Hub, spare: Hub, tmp_path: Path, name: str, harm: object, said: str
) -> None:
    backup = await hub.back_up(world, tmp_path / "b")
    assert (await hub.run("backup", "--verify", backup))[0] == 0
    assert callable(harm)
    harm(backup / name)
    for arguments in (("backup", "--verify", backup), ("restore", backup)):
        code, output, errors = await spare.run(*arguments)
        assert (code, output) == (1, "")
        assert said in errors
        assert len(errors.splitlines()) == 1
    assert await spare.tables() == []


async def test_an_unreachable_database_is_one_line(hub: Hub, tmp_path: Path) -> None:
    hub.url = "postgresql://nobody@127.0.0.1:9/none"
    hub.follow(hub.rpc_url)
    code, _, errors = await hub.run("backup", "--to", tmp_path / "b")
    assert code == 1
    assert len(errors.splitlines()) == 1


async def test_a_table_that_vanishes_leaves_nothing(world: World, hub: Hub, tmp_path: Path) -> None:
    """What fails in the middle leaves no folder, by whatever name."""
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE verdicts")
        task = asyncio.create_task(hub.back_up(world, tmp_path / "b"))

        async def begun() -> bool:
            return (tmp_path / "b").exists()

        await until(begun)
        await connection.execute("DROP TABLE verdicts")
    with pytest.raises((asyncpg.PostgresError, BackupError)):
        await task
    assert list((tmp_path / "b").iterdir()) == []
