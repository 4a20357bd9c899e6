"""A PostgreSQL server of our own: the wheel's programs, our initdb and our child process."""

import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

import asyncpg

from gridtokenx_hub.database.errors import PostgresInUseError, PostgresStartError
from gridtokenx_hub.database.host import Account, binaries, cluster_path, server_account
from gridtokenx_hub.stale import stop_stale

USER = "gridtokenx"
DATABASE = "gridtokenx"
START_TIMEOUT_S = 120.0
"""Recovery after a crash replays the log before the server answers; a Pi's SD card is slow."""
STOP_TIMEOUT_S = 30.0
INITDB_OPTIONS = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",  # the same order of text on every platform
    "--builtin-locale=C.UTF-8",
)
START_ATTEMPTS = 5
"""The port may be taken in between, or a killed server's last children may still be leaving."""

SUPERVISOR = """
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
( read -r _ <&3; kill -INT "$server" ) &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""
"""Stops the server when our end of the pipe closes, which it does however we end."""

log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """One server on 127.0.0.1 whose cluster belongs to `folder`.

    The folder holds the cluster (or a link to it), `password` (0600), `port` and
    `postgres.log`. `settings` are further server settings, by name.
    """

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self._folder = folder.absolute()
        self._settings = settings or {}
        self._lock: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> str:
        """Start the server, creating its cluster at the first time, and return its URL.

        A server that an earlier run left behind on the same cluster is stopped first.

        Raises:
            PostgresInUseError: another process holds the folder.
            PostgresStartError: the server did not come up.
        """
        self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._take_lock()
        try:
            cluster, account = await asyncio.to_thread(self._prepare)
            url = await self._start_server(cluster, account)
            await _create_database(url)
        except BaseException:
            await self.stop()
            raise
        return f"{url}/{DATABASE}"

    async def stop(self) -> None:
        """Stop the server (fast shutdown) and let go of the folder."""
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        lock = (self._folder / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise PostgresInUseError(
                f"another process runs PostgreSQL in {self._folder}: stop it, or use its URL"
            ) from None
        self._lock = lock

    def _prepare(self) -> tuple[Path, Account]:
        account = server_account(self._folder / "cluster")
        cluster = cluster_path(self._folder, account)
        lock_file = cluster / "postmaster.pid"
        stop_stale(lock_file, str(cluster), STOP_TIMEOUT_S, signal.SIGINT, signal.SIGQUIT)
        if not cluster.exists():
            self._init(cluster, account)
        return cluster, account

    def _init(self, cluster: Path, account: Account) -> None:
        """Make the cluster beside its place and rename it: whole or absent."""
        scratch = cluster.with_name("cluster.new")
        shutil.rmtree(scratch, ignore_errors=True)
        cluster.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        account.make_folder(scratch)
        password = secrets.token_urlsafe(24)
        with tempfile.NamedTemporaryFile("w", dir=cluster.parent) as password_file:
            password_file.write(password)
            password_file.flush()
            os.chown(password_file.name, account.uid, account.gid)
            program = binaries(account) / "initdb"
            arguments = ["-D", str(scratch), "-U", USER, f"--pwfile={password_file.name}"]
            made = subprocess.run(  # noqa: S603 - fixed program, no shell
                [program, *arguments, *INITDB_OPTIONS],
                check=False,
                cwd="/",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                **account.identity,
            )
        if made.returncode != 0:
            output = made.stdout.decode(errors="replace").strip()
            raise PostgresStartError(f"initdb failed: {output}")
        secret = self._folder / "password"
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(password)
        scratch.rename(cluster)

    async def _start_server(self, cluster: Path, account: Account) -> str:
        password = (self._folder / "password").read_text()
        for attempt in range(START_ATTEMPTS):
            port = self._choose_port()
            self._process = self._spawn(cluster, account, port)
            url = f"postgresql://{USER}:{password}@127.0.0.1:{port}"
            if await self._wait_until_ready(self._process, url):
                (self._folder / "port").write_text(str(port))
                return url
            _end(self._process)
            log.warning("PostgreSQL ended at start %d of %d", attempt + 1, START_ATTEMPTS)
            await asyncio.sleep(0.5)
        tail = (self._folder / "postgres.log").read_text(errors="replace").splitlines()[-5:]
        raise PostgresStartError("PostgreSQL does not start: " + " | ".join(tail))

    def _choose_port(self) -> int:
        """Return the port of the last run when it is free, so that URLs stay good; else any."""
        with contextlib.suppress(OSError, ValueError):
            port = int((self._folder / "port").read_text())
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
            return port
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def _spawn(self, cluster: Path, account: Account, port: int) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "jit": "off",  # our statements are short: compiling them costs more than it saves
            **self._settings,
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        server = [str(binaries(account) / "postgres"), "-D", str(cluster), *arguments]
        with (self._folder / "postgres.log").open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - the script is ours, arguments are not parsed
                ["/bin/sh", "-c", SUPERVISOR, "postgres", *server],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us: we stop the server last
                **account.identity,
            )

    async def _wait_until_ready(self, process: subprocess.Popen[bytes], url: str) -> bool:
        """Return True once the server answers, False when it has ended."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while process.poll() is None:
            with contextlib.suppress(OSError, asyncpg.CannotConnectNowError):
                connection = await asyncpg.connect(f"{url}/postgres", timeout=5)
                await connection.close()
                return True
            if time.monotonic() > deadline:
                raise PostgresStartError(f"PostgreSQL does not answer after {START_TIMEOUT_S} s")
            await asyncio.sleep(0.05)
        return False


async def _create_database(url: str) -> None:
    connection = await asyncpg.connect(f"{url}/postgres")
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        log.warning("PostgreSQL does not stop, quitting it: it recovers at its next start")
        os.killpg(process.pid, signal.SIGQUIT)
        process.wait()
