"""A mosquitto of our own."""

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path

MOSQUITTO = "/usr/sbin/mosquitto"


@dataclass
class Broker:
    """A mosquitto of our own.

    Attributes:
        socket: A Unix socket to listen at besides the port, for a hub that no link cuts off.
    """

    port: int
    folder: Path
    socket: Path | None = None
    process: asyncio.subprocess.Process | None = None

    async def start(self, settings: Path | None = None) -> None:
        if settings is None:
            settings = self.folder / "mosquitto.conf"
            # a user without rights to our folder could not make the socket there
            more = f"listener 0 {self.socket}\nuser root\n" if self.socket else ""
            settings.write_text(
                f"listener {self.port} 127.0.0.1\n{more}allow_anonymous true\n"
                "max_inflight_messages 1000\nmax_queued_messages 100000\n"
            )
        self.process = await asyncio.create_subprocess_exec(
            MOSQUITTO,
            "-c",
            str(settings),
            stderr=asyncio.subprocess.DEVNULL,
        )
        while self.process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
        raise AssertionError("mosquitto did not start")

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.wait()
