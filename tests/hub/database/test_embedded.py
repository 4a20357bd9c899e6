"""The embedded server: its password, its restarts, and how it ends with us."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from gridtokenx_hub.database import EmbeddedPostgres, PostgresInUseError, PostgresStartError, host
from gridtokenx_hub.database.host import SYSTEM_FOLDER

OWNER = """
import asyncio, sys
from pathlib import Path
from gridtokenx_hub.database import EmbeddedPostgres

async def main():
    print(await EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def server(server_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(server_folder)
    yield made
    await made.stop()


async def execute(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def postmaster(folder: Path) -> int:
    return int((folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while alive(pid):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


async def test_it_asks_for_its_password_listens_here_alone_and_syncs_to_disk(
    server: EmbeddedPostgres, server_folder: Path
) -> None:
    url = await server.start()
    assert url.startswith("postgresql://gridtokenx:")
    password = (server_folder / "password").read_text()
    assert stat.S_IMODE((server_folder / "password").stat().st_mode) == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url.replace(password, "guess"))
    assert await execute(url, "SHOW listen_addresses") == "127.0.0.1"
    assert await execute(url, "SHOW password_encryption") == "scram-sha-256"
    assert await execute(url, "SHOW fsync") == "on"
    assert await execute(url, "SHOW server_encoding") == "UTF8"
    lines = (server_folder / "cluster" / "pg_hba.conf").read_text().splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert {rule[-1] for rule in rules} == {"scram-sha-256"}
    if os.geteuid() == 0:
        assert os.stat(f"/proc/{postmaster(server_folder)}").st_uid != 0  # noqa: PTH116 - a process


async def test_it_keeps_data_and_address_over_restarts_and_kills(
    server: EmbeddedPostgres, server_folder: Path
) -> None:
    url = await server.start()
    await execute(url, "CREATE TABLE kept AS SELECT 1 AS a")
    await server.stop()
    assert not server.running
    assert await server.start() == url
    await execute(url, "INSERT INTO kept VALUES (2)")
    os.kill(postmaster(server_folder), signal.SIGKILL)
    await server.stop()
    assert await server.start() == url
    assert await execute(url, "SELECT sum(a) FROM kept") == 3


async def test_it_ends_when_its_owner_is_killed(
    server: EmbeddedPostgres, server_folder: Path
) -> None:
    owner, url = await start_owner(server_folder)
    pid = postmaster(server_folder)
    await execute(url, "CREATE TABLE kept AS SELECT 1 AS a")
    owner.kill()
    await owner.wait()
    await until_gone(pid)
    assert await execute(await server.start(), "SELECT a FROM kept") == 1


async def start_owner(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(folder), stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    return owner, (await owner.stdout.readline()).decode().strip()


async def test_a_server_that_was_left_behind_is_stopped_first(
    server: EmbeddedPostgres, server_folder: Path
) -> None:
    owner, _ = await start_owner(server_folder)
    pid = postmaster(server_folder)
    for shell in children_of(owner.pid):  # without it nobody stops the server
        for child in children_of(shell):
            if child != pid:
                os.kill(child, signal.SIGKILL)
        os.kill(shell, signal.SIGKILL)
    owner.kill()
    await owner.wait()
    assert alive(pid)
    url = await server.start()
    assert not alive(pid)
    assert await execute(url, "SELECT 1") == 1


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_a_folder_in_use_is_refused(server: EmbeddedPostgres, server_folder: Path) -> None:
    url = await server.start()
    with pytest.raises(PostgresInUseError, match="stop it, or use its URL"):
        await EmbeddedPostgres(server_folder).start()
    assert await execute(url, "SELECT 1") == 1


async def test_a_process_id_that_is_somebody_elses_is_left_alone(
    server: EmbeddedPostgres, server_folder: Path
) -> None:
    await server.start()
    await server.stop()
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    lock_file = server_folder / "cluster" / "postmaster.pid"
    lock_file.write_text(f"{stranger.pid}\n{server_folder / 'cluster'}\n0\n1\n\n127.0.0.1\n\n")
    try:
        assert await execute(await server.start(), "SELECT 1") == 1
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_cluster_that_was_not_finished_is_made_anew(
    server: EmbeddedPostgres, server_folder: Path
) -> None:
    half = server_folder / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert await execute(await server.start(), "SELECT 1") == 1


async def test_a_server_that_does_not_start_says_why(server_folder: Path) -> None:
    server = EmbeddedPostgres(server_folder, {"shared_buffers": "nonsense"})
    with pytest.raises(PostgresStartError, match="shared_buffers"):
        await server.start()
    assert not server.running


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another account")
async def test_a_folder_that_the_servers_account_cannot_reach(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres")
    home = None
    try:
        url = await server.start()
        home = (closed / "postgres" / "cluster").resolve().parent
        assert home.is_relative_to(SYSTEM_FOLDER)
        assert str(home) in caplog.text
        await execute(url, "CREATE TABLE kept AS SELECT 1 AS a")
        await server.stop()
        assert await server.start() == url
        assert await execute(url, "SELECT a FROM kept") == 1
    finally:
        await server.stop()
        if home is not None:
            shutil.rmtree(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another account")
def test_programs_that_the_servers_account_cannot_reach_are_copied(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "SYSTEM_FOLDER", server_folder.parent / "system")
    monkeypatch.setattr(host.Account, "can_reach", lambda *_: False)
    account = host.server_account(server_folder)
    folder = host.binaries(account)
    assert folder.is_relative_to(server_folder.parent)
    for program in ("postgres", "initdb"):  # initdb finds its libraries beside the copy
        subprocess.run([folder / program, "--version"], check=True, cwd="/", **account.identity)
    assert host.binaries(account) == folder
