"""Starts the processes of the demo, waits for their word that they are ready, and ends them."""

import asyncio
import contextlib
import ctypes
import json
import random
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
PR_SET_PDEATHSIG = 1
LISTENING_PORTS = range(20_000, 32_768)
"""Below those that the system gives to connections, one of which could take a port that is free now
before whoever is to listen there."""
PORTS_TRIED = 50
_CHANCE = random.SystemRandom()


class ProcessFailed(RuntimeError):
    """A process of the demo did not start or ended by itself; the message names its log."""


def free_port(preferred: int = 0) -> int:
    """Return a loopback port that nobody listens on, `preferred` if that is free."""
    for port in (preferred, *_CHANCE.sample(LISTENING_PORTS, PORTS_TRIED)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                if port:
                    return port
    raise ProcessFailed("no port is free")


def command(name: str) -> str:
    """Return the path of one of our commands in the running environment."""
    return str(Path(sys.executable).parent / name)


def _last_line(log: Path) -> str:
    """Return the last line of a log, empty when there is none."""
    return next(iter(log.read_text(errors="replace").splitlines()[-1:]), "")


def _die_with_parent() -> None:
    """Let the kernel end the child when this process is killed (Linux; elsewhere Ctrl-C does)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """The processes that belong to one data folder, by name; their output goes to `logs/`."""

    def __init__(self, folder: Path) -> None:
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._running: dict[str, asyncio.subprocess.Process] = {}

    def pid(self, name: str) -> int:
        """Return the process id of the running process `name`."""
        return self._running[name].pid

    async def start(self, name: str, *arguments: str, announces: bool = True) -> dict[str, Any]:
        """Start a process and return the JSON object that it prints once it is ready.

        A process that does not announce itself (`announces=False`) returns nothing and at once.

        Raises:
            ProcessFailed: it ended first, or said nothing in time.
        """
        log_path = self._logs / f"{name}.log"
        with log_path.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if announces else log,
                stderr=log,
                # Ctrl-C reaches this process alone, which then ends its children in order.
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._running[name] = process
        if process.stdout is None:
            return {}
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                line = await process.stdout.readline()
            ready: dict[str, Any] = json.loads(line)
        except (TimeoutError, ValueError) as error:
            await self.stop(name)
            raise ProcessFailed(
                f"{name} did not start, and said last: {_last_line(log_path)!r}; see {log_path}"
            ) from error
        return ready

    async def stop(self, name: str) -> None:
        """End a process with SIGTERM, and with SIGKILL when it does not listen."""
        process = self._running.pop(name, None)
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def kill(self, name: str) -> None:
        """End a process with SIGKILL, as a power cut would."""
        process = self._running.pop(name)
        process.kill()
        await process.wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the running process `name`."""
        self._running[name].send_signal(number)

    async def stop_all(self) -> None:
        """End all processes, the last started first."""
        for name in reversed(list(self._running)):
            await self.stop(name)

    def check(self) -> None:
        """Raise `ProcessFailed` when a process has ended by itself."""
        for name, process in self._running.items():
            if process.returncode is not None:
                raise ProcessFailed(
                    f"{name} ended with code {process.returncode}: see {self._logs / f'{name}.log'}"
                )


async def call(*arguments: str | Path) -> str:
    """Run a command to its end and return what it prints.

    Raises:
        ProcessFailed: it ended with another code than 0; the message carries its last words.
    """
    process = await asyncio.create_subprocess_exec(
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        words: Sequence[str] = (errors or output).decode(errors="replace").strip().splitlines()
        raise ProcessFailed(f"{' '.join(map(str, arguments[:2]))} failed: {' / '.join(words[-3:])}")
    return output.decode()
