"""A meter's folder on an installer's machine, and the commands in it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.edge.fake_hub import DEPLOYMENT, METER_ID

HERE = (sys.executable, "-m", "gridtokenx_edge")


@dataclass
class Site:
    """A folder with key, settings and spool of one meter, and the commands on it.

    ``program`` starts ``gtx-edge``; another may be that of another environment.
    """

    folder: Path
    meter_port: int
    broker_port: int
    hub_key: bytes
    interval_s: int = 1
    read_every_ms: int = 200
    profile: str = "schneider-iem3155"
    limits_w: int = 10_000
    program: tuple[str, ...] = HERE
    health_port: int | None = None
    spool_bytes: int = 1 << 26
    clock: str = "trusted"

    @property
    def config(self) -> Path:
        return self.folder / "edge.toml"

    def write(self) -> None:
        health = f"health = {{ port = {self.health_port} }}" if self.health_port else ""
        self.config.write_text(f"""
clock = "{self.clock}"
{health}
[[meter]]
id = "{METER_ID.hex()}"
profile = "{self.profile}"
deployment = "{DEPLOYMENT.hex()}"
settlement_interval_s = {self.interval_s}
read_every_ms = {self.read_every_ms}
key = "meter.key"
ack_key = "{self.hub_key.hex()}"
[meter.bus]
kind = "tcp"
host = "127.0.0.1"
port = {self.meter_port}
timeout_ms = 1000
[meter.limits]
export_w = {self.limits_w}
import_w = {self.limits_w}
[meter.spool]
path = "spool.db"
max_bytes = {self.spool_bytes}
[meter.broker]
host = "127.0.0.1"
port = {self.broker_port}
""")

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command to its end; exit code, standard output and error."""
        return await command(*arguments, "--config", str(self.config), program=self.program)

    async def start(
        self,
        *arguments: str,
        stdout: int = asyncio.subprocess.DEVNULL,
        under: Sequence[str] = (),
    ) -> asyncio.subprocess.Process:
        """Start a command; ``under`` is a program that starts it in its turn, with its options."""
        own = [*under, *self.program, *arguments, "--config", str(self.config)]
        return await _start(*own, stdout=stdout)


async def command(*arguments: str, program: tuple[str, ...] = HERE) -> tuple[int, str, str]:
    """Run a command to its end; exit code, standard output and error."""
    process = await _start(*program, *arguments, stdout=asyncio.subprocess.PIPE)
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def _start(*words: str, stdout: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *words,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


MakeSite = Callable[..., Awaitable[Site]]
