"""Real parts for the hub's tests: a PostgreSQL server, a database for each test, a broker."""

import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from demo.processes import free_port
from gridtokenx_hub.broker.process import find_mosquitto
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.database import EmbeddedPostgres, migrate, open_pool

TEMPLATE = "migrated"
_numbers = itertools.count(1)


@contextlib.contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that the server's own account can reach: pytest's are closed to others."""
    with tempfile.TemporaryDirectory(prefix="gtx-test-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a server that a test may stop and kill."""
    with reachable_folder() as folder:
        yield folder / "postgres"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL, without a database, of a server whose database `migrated` has our schema."""
    with reachable_folder() as folder:
        # no power is cut here: without fsync a database is made and dropped four times as fast
        server = EmbeddedPostgres(folder / "postgres", {"fsync": "off"})
        base = asyncio.run(server.start()).rpartition("/")[0]
        try:
            asyncio.run(_make_template(base))
            yield base
        finally:
            asyncio.run(server.stop())


async def _make_template(base: str) -> None:
    connection = await asyncpg.connect(f"{base}/postgres")
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    pool = await open_pool(f"{base}/{TEMPLATE}")
    await migrate(pool)
    await pool.close()


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """URL of a fresh database with our schema, dropped after the test."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(f"{postgres_url}/postgres")
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        yield f"{postgres_url}/{name}"
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Pool on a fresh database with our schema."""
    opened = await open_pool(database_url)
    try:
        yield opened
    finally:
        opened.terminate()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerSettings]:
    """A broker of this test alone: mosquitto where it is installed, else iotcore."""
    with run_broker(tmp_path, free_port()) as settings:
        yield settings


@contextlib.contextmanager
def run_broker(folder: Path, port: int) -> Iterator[BrokerSettings]:
    """Run a broker without TLS on this port; it remembers nothing afterwards."""
    program = find_mosquitto()
    if program is None:
        path = _iotcore_settings(folder, port)
        command = [sys.executable, "-m", "iotcore", "--config", str(path)]
    else:
        path = folder / "mosquitto.conf"
        path.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
            "max_inflight_messages 0\nmax_queued_messages 0\n"
        )
        command = [program, "-c", str(path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield BrokerSettings("127.0.0.1", port, None)
        finally:
            process.terminate()


def _iotcore_settings(folder: Path, port: int) -> Path:
    path = folder / "iotcore.toml"
    path.write_text(
        "id = 0\n"
        "[router]\nmax_connections = 1000\nmax_outgoing_packet_count = 10000\n"
        "max_segment_size = 104857600\nmax_segment_count = 10\n"
        f'[v5.1]\nname = "v5"\nlisten = "127.0.0.1:{port}"\nnext_connection_delay_ms = 0\n'
        "[v5.1.connections]\nconnection_timeout_ms = 60000\nmax_payload_size = 2000000\n"
        "max_inflight_count = 1000\ndynamic_filters = true\n"
    )
    return path


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
