"""A device on site, and what an installer does with it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_world import HubWorld, User
from installer import install_code
from tests.provisioning.door import Door
from tests.provisioning.seen import acked, until

from demo.processes import free_port
from gridtokenx_edge.config import load_config
from gridtokenx_edge.spool import Pending
from gridtokenx_edge.spool.inspect import stats
from gridtokenx_edge.spool.schema import open_for_reading


@dataclass(frozen=True)
class Meter:
    """A simulated meter: its port, and what it tells about itself."""

    port: int
    serial: str


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    code: int
    result: dict[str, Any]
    lines: list[str]

    def fails(self, name: str) -> str:
        """Check that it ended with this error, in one line; return that line."""
        assert self.code == 1, self.lines
        assert self.result["error"] == name, self.lines
        assert self.lines[-1].startswith(f"gtx-provision: {name}: ")
        assert "Traceback" not in "".join(self.lines)
        return self.lines[-1]


@dataclass
class Device:
    """A device beside a simulated meter."""

    folder: Path
    door: Door
    meter: Meter

    @property
    def settings(self) -> Path:
        return self.folder / "etc"

    async def install(self, code: str, *more: str, under: tuple[str, ...] = ()) -> Outcome:
        return await self.run(
            *("install", "--hub", f"http://127.0.0.1:{self.door.port}", "--code", code),
            *("--profile", "schneider-iem3155", *self.bus(), "--clock", "trusted"),
            *("--state", str(self.folder / "state"), *more),
            under=under,
        )

    def bus(self) -> tuple[str, ...]:
        """How the meter is reached now."""
        return "--bus-host", "127.0.0.1", "--bus-port", str(self.meter.port)

    async def change(self, verb: str, code: str, *more: str) -> Outcome:
        """Change what is installed."""
        return await self.run(verb, "--code", code, *more)

    @asynccontextmanager
    async def agent(
        self, *, under: tuple[str, ...] = ()
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """The agent runs, perhaps by another program, until it is stopped."""
        process = await asyncio.create_subprocess_exec(
            *(*under, sys.executable, "-m", "gridtokenx_edge", "run"),
            *("--config", str(self.settings / "edge.toml")),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        assert b"started" in await process.stderr.readline()
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()

    async def until_settlement_readings(self, world: HubWorld, meter_id: bytes, count: int) -> None:
        """Run the agent until the hub has so many more settlement readings."""
        query = "SELECT count(*) FROM readings WHERE meter_id = $1 AND flags & 4 <> 0"
        wanted = count + await world.pool.fetchval(query, meter_id)

        async def come() -> bool:
            return bool(await world.pool.fetchval(query, meter_id) >= wanted)

        async with self.agent():
            await until(come)

    @contextmanager
    def without_broker(self) -> Iterator[None]:
        """The settings lead to no broker."""
        config = self.settings / "edge.toml"
        (meter,) = load_config(config).meters
        port, nobody = f"port = {meter.broker.port}", f"port = {free_port()}"
        config.write_text(config.read_text().replace(port, nobody))
        yield
        config.write_text(config.read_text().replace(nobody, port))

    async def until_acked(self, world: HubWorld, meter_id: bytes, sequence: int) -> None:
        """Run the agent until every reading up to a sequence has a verdict."""

        async def reached() -> bool:
            return await acked(world, meter_id) >= sequence

        async with self.agent():
            await until(reached)

    async def until_spooled(self, sequence: int) -> None:
        """Wait until the agent has written so many readings."""

        async def written() -> bool:
            return self.spooled()[-1].sequence >= sequence

        await until(written)

    async def delivers(self) -> None:
        """Wait until the hub has acknowledged more readings of the running agent."""
        before = self._figures()["acked_sequence"] or 0

        async def more() -> bool:
            return (self._figures()["acked_sequence"] or 0) > before

        await until(more)

    def waiting(self) -> int:
        """How many readings have no ack."""
        return self._figures()["waiting_for_ack"] or 0

    def _figures(self) -> dict[str, int | None]:
        connection = open_for_reading(self.folder / "state" / "spool.db")
        found = stats(connection)
        connection.close()
        return found

    async def until_logged(self, agent: asyncio.subprocess.Process, event: str) -> None:
        """Wait until the running agent logs an event."""
        assert agent.stderr is not None
        async with asyncio.timeout(30):
            while event.encode() not in await agent.stderr.readline():
                pass

    async def check(self, part: str) -> str:
        """The line of the agent's own check about a part."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gridtokenx_edge", "check-config"),
            *("--config", str(self.settings / "edge.toml")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        (line,) = [line for line in output.decode().splitlines() if f" {part}: " in line]
        return line

    def spooled(self) -> list[Pending]:
        """The readings in the spool."""
        connection = open_for_reading(self.folder / "state" / "spool.db")
        rows = connection.execute("SELECT sequence, message FROM reading ORDER BY sequence")
        found = [Pending(*row) for row in rows.fetchall()]
        connection.close()
        return found

    async def agent_refuses(self) -> str:
        """What the agent says when it does not start."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gridtokenx_edge", "run"),
            *("--config", str(self.settings / "edge.toml")),
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        assert process.returncode == 1
        return errors.decode()

    async def public_key(self) -> dict[str, str]:
        """What the agent says of the key that its settings name."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gridtokenx_edge", "keys", "show"),
            *("--config", str(self.settings / "edge.toml")),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        shown: dict[str, str] = json.loads(output)
        return shown

    async def run(self, *arguments: str, under: tuple[str, ...] = ()) -> Outcome:
        """Run a command with its folders to its end, perhaps by another program."""
        process = await asyncio.create_subprocess_exec(
            *(*under, sys.executable, "-m", "gridtokenx_provisioning", *arguments, "--json"),
            *("--folder", str(self.settings)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )
        self.door.installer = process
        output, errors = await process.communicate()
        result = json.loads(output) if output else {}
        return Outcome(process.returncode or 0, result, errors.decode().splitlines())


async def installed(world: HubWorld, device: Device, user: User | None = None) -> bytes:
    """The id of a meter that is installed and has delivered a reading."""
    owner = user or await world.user()
    done = await device.install(await install_code(world, owner), "--wait", "60")
    assert done.code == 0, done.lines
    return bytes.fromhex(done.result["meter_id"])
