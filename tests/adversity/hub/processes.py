"""A whole hub, each role in a process of its own, that a test kills, cuts off and starts again."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from tests.adversity.link import Link
from tests.hub.conftest import reachable_folder
from tests.hub.local_chain.harness import free_port as free_port_pair
from tests.hub.onchain import until

from demo.processes import Supervisor, call, command, free_port

SERVICES = ("chain", "database", "broker")
ROLES = ("index", "settle", "ingest-1", "ingest-2", "api")
WORDS = {
    "ingest-1": ("ingest",),
    "ingest-2": ("ingest", "--worker", "2"),
}
"""How `gtx-hub` is called for a process; by its name alone unless it stands here."""
PERIOD_S = 1
LAST_LINES = 60
WATCH_EVERY_S = 0.5
PATIENCE_S = 400
"""A guard against hanging, not against a busy machine."""


class Hub:
    """The processes of one folder, by name: `SERVICES`, `registrar` and `ROLES`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.supervisor = Supervisor(folder)
        self.ports = {"chain": free_port_pair(), "broker": free_port(), "api": free_port()}
        self.rpc_url = f"http://127.0.0.1:{self.ports['chain']}"
        self.api_url = f"http://127.0.0.1:{self.ports['api']}"
        (folder / "hub.toml").write_text(
            f"[chain]\nrpc_url = '{self.rpc_url}'\nsettlement_interval_s = {PERIOD_S}\n"
            f"[broker]\nport = {self.ports['broker']}\n"
            f"[settlement]\nperiod_s = {PERIOD_S}\n[api]\nport = {self.ports['api']}\n"
            "requests_per_s = 1000\ntransactions_per_minute = 100000\n"
        )

    @property
    def database_url(self) -> str:
        """Where the embedded server is; the same after a restart."""
        return (self.folder / "database.url").read_text().strip()

    async def start_all(self) -> None:
        """Start the services, the registrar, then the roles."""
        await asyncio.gather(*(self.start(name) for name in SERVICES))
        await self.start("registrar")
        await asyncio.gather(*(self.start(name) for name in ROLES))

    async def start(self, name: str, *under: str, **links: Link) -> None:
        """Start a process, perhaps by another program; `links` stand before services."""
        variables = [f"{key}={value}" for key, value in self._rerouted(links).items()]
        words = (command("gtx-hub"), "--folder", str(self.folder), *WORDS.get(name, (name,)))
        await self.supervisor.start(name, *under, "env", *variables, *words)

    def _rerouted(self, links: dict[str, Link]) -> dict[str, str]:
        """The settings with which a process finds links in the place of services."""
        ports = {name: str(link.port) for name, link in links.items()}
        variables = {}
        if "chain" in ports:
            variables["GTX_CHAIN__RPC_URL"] = f"http://127.0.0.1:{ports['chain']}"
        if "broker" in ports:
            variables["GTX_BROKER__PORT"] = ports["broker"]
        if "database" in ports:
            server, _, _ = self.database_url.rpartition(":")
            variables["GTX_DATABASE__URL"] = f"{server}:{ports['database']}/gridtokenx"
        return variables

    async def restart(self, name: str, *under: str, **links: Link) -> None:
        """Kill a process with SIGKILL, and start it again as whoever watches over it would."""
        await self.supervisor.kill(name)
        await self.start(name, *under, **links)

    async def command(self, *words: str) -> str:
        """What another `gtx-hub` command of this folder prints; its exit code must be 0."""
        return await call(command("gtx-hub"), "--folder", str(self.folder), *words)

    async def watch(self) -> None:
        """Fail as soon as a process has ended by itself."""
        while True:
            self.supervisor.check()
            await asyncio.sleep(WATCH_EVERY_S)

    async def audit(self) -> dict[str, Any]:
        """The report of `gtx-hub audit`; all must hold."""
        report: dict[str, Any] = json.loads(await self.command("audit", "--json"))
        assert report["holds"], report
        return report

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the test's own."""
        connection = await asyncpg.connect(self.database_url)
        try:
            yield connection
        finally:
            await connection.close()

    def log_of(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")

    async def until_said(self, name: str, word: str, before: str) -> None:
        """Wait until a process says this, after what it had said before."""

        async def has_said() -> bool:
            return word in self.log_of(name)[len(before) :]

        await until(has_said, PATIENCE_S)

    def port_of(self, service: str) -> int:
        """Where a service listens."""
        if service == "database":
            return int((self.folder / "database" / "port").read_text())
        return self.ports[service]

    def last_words(self) -> list[tuple[str, str]]:
        """The end of each process's log, by its name."""
        return [
            (log.stem, "\n".join(self.log_of(log.stem).splitlines()[-LAST_LINES:]))
            for log in sorted((self.folder / "logs").iterdir())
        ]

    def postmaster(self) -> int:
        """Process id of the server."""
        text = (self.folder / "database" / "cluster" / "postmaster.pid").read_text()
        return int(text.splitlines()[0])

    async def backends(self) -> list[int]:
        """Process ids of the server's processes for our connections."""
        async with self.database() as connection:
            rows = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
        return [row["pid"] for row in rows]


def children(process_id: int) -> list[int]:
    """Process ids of the children of a process."""
    path = Path(f"/proc/{process_id}/task/{process_id}/children")
    return [int(child) for child in path.read_text().split()]


def kill(process_id: int) -> None:
    """SIGKILL."""
    os.kill(process_id, signal.SIGKILL)


@asynccontextmanager
async def running_hub() -> AsyncIterator[Hub]:
    """A new hub with an empty database on a new chain, all of it running."""
    with reachable_folder() as parent:
        hub = Hub(parent)
        try:
            await hub.start_all()
            yield hub
        finally:
            await hub.supervisor.stop_all()
