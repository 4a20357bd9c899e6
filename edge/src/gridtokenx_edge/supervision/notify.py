"""The service manager's side of the agent.

The protocol is sd_notify(3): datagrams of ``NAME=value`` lines to the socket that the variable
NOTIFY_SOCKET names. Without it nothing is said.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Self

from gridtokenx_edge.clock import Clock


class Supervisor:
    """Tells the service manager how the agent is."""

    def __init__(self, address: str | None, watchdog_s: float | None, clock: Clock) -> None:
        """Speak to a socket, and promise a sign of life every ``watchdog_s`` seconds."""
        self._address = address
        self._watchdog_s = watchdog_s
        self._clock = clock

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], clock: Clock) -> Self:
        """As systemd sets it up: NOTIFY_SOCKET and WATCHDOG_USEC."""
        usec = environment.get("WATCHDOG_USEC", "")
        watchdog_s = int(usec) / 1_000_000 if usec.isdecimal() else None
        return cls(environment.get("NOTIFY_SOCKET"), watchdog_s, clock)

    def ready(self) -> None:
        """The agent reads and delivers."""
        self._say("READY=1")

    def reloading(self) -> None:
        """New settings are taken over; ``ready`` follows."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={1000 * self._clock.monotonic_ms()}")

    def stopping(self) -> None:
        """The agent ends."""
        self._say("STOPPING=1")

    async def watch(self, is_alive: Callable[[], bool]) -> None:
        """Give a sign of life three times in each period while ``is_alive`` says so.

        When it does not, nothing is said, and the service manager restarts the agent.
        """
        if self._watchdog_s is None:
            return
        while True:
            if is_alive():
                self._say("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 3)

    def _say(self, text: str) -> None:
        if self._address is None:
            return
        # a name that begins with @ is an abstract one: its first byte is zero
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as talk:
            try:
                talk.connect(address)
                talk.sendall(text.encode())
            except OSError:
                return  # nobody listens: the agent works all the same
