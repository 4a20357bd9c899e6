"""A house: simulated meter, mosquitto, a hub that only acknowledges, and the agent's folder."""

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.edge.broker import Broker
from tests.edge.fake_hub import FakeHub
from tests.edge.site import Site

from demo.processes import free_port
from gridtokenx_edge.keystore import create_signing_key
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner

HUB = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([2] * 32)))
PATIENCE_S = 120
"""A guard against hanging, not against a busy machine."""
SPEED = "60"
LIMITS_W = 1_000_000
"""Of the connection point: the simulated day is played that much faster."""


class Agent:
    """A running ``gtx-edge run``, and its log as far as it has been written."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self._logged = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            async with self._logged:
                self.log.append(json.loads(line))
                self._logged.notify_all()
        async with self._logged:
            self._logged.notify_all()

    async def until_logged(self, name: str, **fields: object) -> None:
        """Wait for an event of the log."""
        async with asyncio.timeout(PATIENCE_S), self._logged:
            await self._logged.wait_for(lambda: self.has_logged(name, **fields))

    def has_logged(self, name: str, **fields: object) -> bool:
        """Whether there is such an event in the log."""
        wanted = {"event": name, **fields}
        return any(wanted.items() <= entry.items() for entry in self.log)

    async def killed(self) -> None:
        """Kill it at once, if that has not been done, and wait until it is gone."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reader

    async def stopped(self) -> None:
        """Stop it as systemd does."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            await self.process.wait()
        await self._reader
        assert self.process.returncode == 0, self.log


@dataclass
class House:
    """One meter with all that it needs."""

    site: Site
    broker: Broker
    hub: FakeHub
    agents: list[Agent] = field(default_factory=list)

    async def start(self, *under: str) -> Agent:
        """Start the agent, perhaps by another program."""
        agent = Agent(await self.site.start("run", under=under))
        self.agents.append(agent)
        return agent

    async def more_records(self) -> None:
        """Wait until the hub has a record that is new."""
        known = len(self.hub.records)
        await self.hub.until(lambda: len(self.hub.records) > known, PATIENCE_S)

    def rows(self) -> dict[int, bytes]:
        """Sequence and hash of each reading in the spool."""
        return dict(self._select("SELECT sequence, hash FROM reading ORDER BY sequence"))

    def _select(self, query: str) -> Sequence[Any]:
        uri = f"file:{self.site.folder / 'spool.db'}?mode=ro"
        connection = sqlite3.connect(uri, uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def check(self) -> None:
        """What must hold whenever the agent is dead."""
        rows, hub = self.rows(), self.hub
        assert not hub.equivocations, "a sequence was used twice with different content"
        published = {s for s in hub.hashes if s >= min(rows, default=0)}
        assert published <= rows.keys(), "published, but not on disk"
        assert all(rows[s] == hub.hashes[s] for s in published), "the disk has other content"
        acked = max((s for (s,) in self._select("SELECT sequence FROM ack")), default=0)
        assert acked <= hub.acked
        assert {s for s in rows if s <= acked} <= hub.hashes.keys(), "forgotten by the hub"

    async def drain(self) -> None:
        """Let the agent run until the hub has all that is spooled; then all must hold."""
        before = max(self.rows())
        agent = await self.start()
        await self.hub.until(lambda: self.hub.acked > before, PATIENCE_S)
        await agent.stopped()
        self.check()
        code, output, errors = await self.site.command("spool", "verify")
        assert code == 0, output + errors
        self.check_chain()

    def check_chain(self) -> None:
        """The hub's records follow one another from the baseline on, without a gap."""
        hub = self.hub
        assert sorted(hub.records) == list(range(1, len(hub.records) + 1))
        for sequence in range(2, len(hub.records) + 1):
            before = hub.hashes[sequence - 1]
            assert hub.records[sequence].previous_hash == before, f"{sequence} does not follow"


@asynccontextmanager
async def simulator(folder: Path, *under: str, scenario: Sequence[str] = ()) -> AsyncIterator[int]:
    """A simulated meter; yields its port."""
    process = await asyncio.create_subprocess_exec(
        *under,
        Path(sys.executable).with_name("gtx-meter-sim"),
        *("--state", folder / "simulator.json", "--speed", SPEED),
        *scenario,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        yield json.loads(await process.stdout.readline())["listening"]
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def house(
    folder: Path, meter_port: int, broker_socket: Path | None = None, **settings: Any
) -> AsyncIterator[House]:
    """A house with its baseline; ``broker_port`` is where the agent finds the broker."""
    broker = Broker(free_port(), folder, broker_socket)
    site = Site(
        folder,
        meter_port,
        **{"broker_port": broker.port, "limits_w": LIMITS_W, **settings},
        hub_key=HUB.public_key,
    )
    public_key = _lay_out(site)
    await broker.start()
    try:
        code, _, errors = await site.command("baseline")
        assert code == 0, errors
        here = House(site, broker, FakeHub(public_key, HUB))
        async with here.hub.connect(broker.socket or broker.port):
            try:
                yield here
            finally:
                for agent in here.agents:
                    await agent.killed()
    finally:
        await broker.stop()


def _lay_out(site: Site) -> bytes:
    """Make the agent's folder; returns the meter's public key."""
    site.folder.mkdir()
    site.write()
    return create_signing_key(site.folder / "meter.key", Algorithm.ED25519).public_key
