"""Which broker runs beside the hub, and the command that starts it."""

import asyncio
import shutil
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from gridtokenx_hub.broker import mosquitto, rumqttd
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.settings import EVERYWHERE, LOOPBACK, BrokerSettings
from gridtokenx_hub.stale import stop_stale

# Debian keeps daemons where an ordinary user's PATH does not look.
DAEMON_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")

STOP_TIMEOUT_S = 10
LEAVE_WORD = 'echo $$ >"$1" && shift && exec "$@"'
"""Writes its own process id down before it becomes the broker: none runs that is not known."""
FREE_TIMEOUT_S = 2
READY_TIMEOUT_S = 20
PROBE_PAUSE_S = 0.02


class BrokerMissing(RuntimeError):
    """The broker that was asked for is not on this machine; the message says how to get it."""


class BrokerFailed(RuntimeError):
    """The broker did not start or has ended; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """The broker's command line, how the hub reaches it, and the lists by which it refuses."""

    command: tuple[str, ...]
    hub: BrokerSettings
    lists: tuple[Path, ...] = ()


def find_mosquitto() -> str | None:
    """Return the path of mosquitto, or None."""
    return shutil.which("mosquitto") or next(
        (str(path) for folder in DAEMON_FOLDERS if (path := Path(folder) / "mosquitto").is_file()),
        None,
    )


def plan_broker(
    kind: str,
    folder: Path,
    port: int,
    authority: CertificateAuthority,
    name: str | None = None,
) -> BrokerPlan:
    """Write the broker's files into `folder` and say how to start and reach it.

    Args:
        kind: `mosquitto` (client certificates, persistence) or `rumqttd` (from a wheel).
        folder: the broker's own folder.
        port: the port that it listens on.
        authority: signs the certificates of broker and hub.
        name: host name or address by which devices elsewhere reach it: it stands in the broker's
            certificate, and the broker listens everywhere. Without one, on loopback alone.

    Raises:
        BrokerMissing: mosquitto is not installed, or rumqttd is to be reached from elsewhere.
    """
    if kind == "mosquitto":
        program = find_mosquitto()
        if program is None:
            raise BrokerMissing(
                "mosquitto is not installed: run apt-get install mosquitto, "
                'or set kind = "rumqttd" under [broker]'
            )
        configuration = mosquitto.write_configuration(
            folder,
            EVERYWHERE if name else LOOPBACK,
            port,
            authority.broker_files(name),
            authority.revocation_list_path,
        )
        return BrokerPlan(
            (program, "-c", str(configuration)),
            BrokerSettings(LOOPBACK, port, authority.hub_files(), name or LOOPBACK),
            (mosquitto.access_list_path(folder), authority.revocation_list_path),
        )
    if name:
        raise BrokerMissing(
            "rumqttd knows no certificates and is reached from this machine alone: set kind = "
            '"mosquitto" under [broker], or leave name out'
        )
    configuration = rumqttd.write_configuration(folder, LOOPBACK, port)
    return BrokerPlan(
        (sys.executable, "-m", "iotcore", "--config", str(configuration)),
        BrokerSettings(LOOPBACK, port, None),
    )


async def start(plan: BrokerPlan, folder: Path) -> asyncio.subprocess.Process:
    """Start the broker; one that an earlier run left in its `folder` is stopped first.

    Raises:
        BrokerFailed: somebody else listens on its port.
    """
    pid_file = folder / "broker.pid"
    mark = plan.command[-1]  # the path of its configuration
    await asyncio.to_thread(
        stop_stale, pid_file, mark, STOP_TIMEOUT_S, signal.SIGTERM, signal.SIGKILL
    )
    await _until_free(plan.hub.port)
    return await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", LEAVE_WORD, "broker", str(pid_file), *plan.command),
        stdout=sys.stderr,  # our standard output is for the word that it is ready, not for its own
    )


async def _until_free(port: int) -> None:
    """Whoever listens there would be taken for the broker.

    One that has just ended holds it for a moment longer than its process can be seen.
    """
    deadline = asyncio.get_running_loop().time() + FREE_TIMEOUT_S
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise BrokerFailed(
                        f"port {port} cannot be had ({error.strerror}): end what listens there, or "
                        "set another port under [broker]"
                    ) from error
            else:
                return
        await asyncio.sleep(PROBE_PAUSE_S)


async def listening(port: int, ended: asyncio.Future[int]) -> None:
    """Wait until the broker takes connections.

    Args:
        port: its loopback port.
        ended: done when its process has ended.

    Raises:
        BrokerFailed: it ended, or does not listen in time.
    """
    deadline = asyncio.get_running_loop().time() + READY_TIMEOUT_S
    while not ended.done() and asyncio.get_running_loop().time() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        await asyncio.sleep(PROBE_PAUSE_S)
    raise BrokerFailed(f"the broker does not listen: is port {port} free?")
