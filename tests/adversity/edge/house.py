"""A house: simulated meter, mosquitto, a hub that only acknowledges, and the agent's folder."""

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.edge.broker import Broker, free_port
from tests.edge.fake_hub import FakeHub
from tests.edge.site import Site

from gridtokenx_edge.keystore import create_signing_key
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.record import Flag

HUB = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([2] * 32)))
PATIENCE_S = 60
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
        wanted = {"event": name, **fields}
        async with asyncio.timeout(PATIENCE_S), self._logged:
            await self._logged.wait_for(lambda: any(wanted.items() <= e.items() for e in self.log))

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

    async def start(self, *under: str) -> Agent:
        """Start the agent, perhaps by another program."""
        return Agent(await self.site.start("run", under=under))

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
        published = {s for s in hub.hashes if s >= min(rows)}
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
        """The hub's records follow one another from the baseline on; gaps are signed."""
        hub = self.hub
        sequences = sorted(hub.records)
        for before, sequence in zip(sequences, sequences[1:], strict=False):
            record = hub.records[sequence]
            assert sequence == before + 1 or record.flags & Flag.GAP, f"{sequence} after {before}"
            assert record.previous_hash == hub.hashes[before], f"{sequence} does not follow"


@asynccontextmanager
async def simulator(folder: Path, *under: str) -> AsyncIterator[int]:
    """A simulated meter; yields its port."""
    process = await asyncio.create_subprocess_exec(
        *under,
        Path(sys.executable).with_name("gtx-meter-sim"),
        *("--state", folder / "simulator.json", "--speed", SPEED),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        yield json.loads(await process.stdout.readline())["listening"]
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def house(folder: Path, meter_port: int, **settings: Any) -> AsyncIterator[House]:
    """A house with its baseline; ``broker_port`` is where the agent finds the broker."""
    folder.mkdir(exist_ok=True)
    broker = Broker(free_port(), folder)
    await broker.start()
    settings = {"broker_port": broker.port, "limits_w": LIMITS_W, **settings}
    site = Site(folder, meter_port, hub_key=HUB.public_key, **settings)
    site.write()
    key = create_signing_key(folder / "meter.key", Algorithm.ED25519)
    try:
        code, _, errors = await site.command("baseline")
        assert code == 0, errors
        hub = FakeHub(key.public_key, HUB)
        async with hub.connect(broker.port):
            yield House(site, broker, hub)
    finally:
        await broker.stop()
