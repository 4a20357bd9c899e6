"""Simulated meters on a line, and an agent's folder that reads them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
DEPLOYMENT = bytes(4)
BAUD = 9_600
TIMEOUT_MS = {"tcp": 1_000, "rtu": 300}
"""Over TCP the usual; short where a dead meter holds up the others for twice as long."""
FOR_EVER = 2**31
AS_INSTALLED = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
"""Installed modules are compiled; what a compiler leaves behind is not the agent's memory."""

METER = """
[[meter]]
id = "{number:032x}"
profile = "schneider-iem3155"
deployment = "{deployment}"
read_every_ms = {read_every_ms}
key = "{number}.key"
ack_key = "{ack_key}"
[meter.bus]
{line}
unit = {number}
timeout_ms = {timeout_ms}
[meter.limits]
export_w = 10000
import_w = 10000
[meter.spool]
path = "{number}.db"
[meter.broker]
host = "127.0.0.1"
port = {broker}
"""


@dataclass(frozen=True)
class Site:
    """An agent's folder.

    Attributes:
        folder: Its settings, keys and spools.
        meters: At the units from 1 on.
        serial: On a line at 9,600 baud instead of Modbus TCP.
        dead: Whether the last meter falls silent when the agent starts.
        read_every_ms: Period of each meter.
    """

    folder: Path
    meters: int
    serial: bool
    dead: bool
    read_every_ms: int

    async def provision(self, broker: int, ack_key: bytes) -> None:
        """Make keys, and sign the baselines."""
        ids = [f"{number:032x}" for number in range(1, self.meters + 1)]
        for number in range(1, self.meters + 1):
            await command("gtx-edge", "keys", "create", "--out", self.folder / f"{number}.key")
        async with self._simulator(dead=False) as listening:
            self._write(listening, broker, ack_key)
            for meter in ids:
                await command("gtx-edge", "baseline", "--meter", meter, *self._config)

    @asynccontextmanager
    async def agent(self, broker: int, ack_key: bytes) -> AsyncIterator[int]:
        """Run meters and agent; yields the agent's process id."""
        async with self._simulator(dead=self.dead) as listening:
            self._write(listening, broker, ack_key)
            process = await asyncio.create_subprocess_exec(
                *(BIN / "gtx-edge", "run", *map(str, self._config)),
                env=AS_INSTALLED,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                yield process.pid
            finally:
                process.terminate()
                await process.wait()

    @property
    def _config(self) -> tuple[str | Path, ...]:
        return "--config", self.folder / "edge.toml"

    def _write(self, listening: int | str, broker: int, ack_key: bytes) -> None:
        line = f'kind = "tcp"\nhost = "127.0.0.1"\nport = {listening}'
        if self.serial:
            line = f'kind = "rtu"\ndevice = "{listening}"\nbaud = {BAUD}\nparity = "none"'
        text = 'clock = "trusted"\n' + "".join(
            METER.format(
                number=number,
                deployment=DEPLOYMENT.hex(),
                read_every_ms=self.read_every_ms,
                ack_key=ack_key.hex(),
                line=line,
                timeout_ms=TIMEOUT_MS["rtu" if self.serial else "tcp"],
                broker=broker,
            )
            for number in range(1, self.meters + 1)
        )
        (self.folder / "edge.toml").write_text(text)

    @asynccontextmanager
    async def _simulator(self, *, dead: bool) -> AsyncIterator[int | str]:
        faults = self.folder / "faults.toml"
        faults.write_text(
            f'[[fault]]\nkind = "silence"\nunit = {self.meters}\nrequests = {FOR_EVER}\n'
        )
        process = await asyncio.create_subprocess_exec(
            BIN / "gtx-meter-sim",
            *("--state", str(self.folder / "meter.json"), "--meters", str(self.meters)),
            *(("--pty", "--baud", str(BAUD)) if self.serial else ()),
            *(("--faults", str(faults)) if dead else ()),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout
        try:
            yield json.loads(await process.stdout.readline())["listening"]
        finally:
            process.terminate()
            await process.wait()


async def command(name: str, *arguments: object) -> None:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        *(BIN / name, *map(str, arguments)), env=AS_INSTALLED, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError(f"{name} {' '.join(map(str, arguments))} failed")


@dataclass(frozen=True)
class Usage:
    """What a process has used so far.

    Attributes:
        cpu_s: Processor time.
        rss_mb: Memory now.
        written_bytes: Sent to the disk.
    """

    cpu_s: float
    rss_mb: float
    written_bytes: int

    @classmethod
    def of(cls, pid: int) -> "Usage":
        """Ask the kernel."""
        proc = Path("/proc") / str(pid)
        ticks = (proc / "stat").read_text().rpartition(")")[2].split()[11:13]
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        io = dict(line.split(": ") for line in (proc / "io").read_text().splitlines())
        return cls(
            cpu_s=sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
            rss_mb=int(status["VmRSS"].split()[0]) / 1024,
            written_bytes=int(io["write_bytes"]),
        )
