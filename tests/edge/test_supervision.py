"""What a service manager hears, over a real socket, and new settings while the agent runs."""

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.edge.broker import Broker
from tests.edge.fake_hub import FakeHub
from tests.edge.site import MakeSite

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.supervision import Supervisor

CLOCK = Clock(lambda: 0, lambda: 5)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


async def hear(manager: socket.socket, wanted: str) -> None:
    """Wait for a message."""
    async with asyncio.timeout(20):
        while wanted not in (await asyncio.get_running_loop().sock_recv(manager, 4096)).decode():
            pass


async def test_an_agent_speaks_to_its_manager(
    make_site: MakeSite,
    broker: Broker,
    hub: FakeHub,
    manager: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = await make_site(broker.port)
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    agent = await site.start("run")
    await hear(manager, "READY=1")
    await hear(manager, "WATCHDOG=1")
    await hear(manager, "WATCHDOG=1")
    good = site.config.read_text()

    site.config.write_text("nonsense = 1\n" + good)
    agent.send_signal(signal.SIGHUP)
    await hear(manager, "RELOADING=1")
    await hear(manager, "READY=1")

    site.config.write_text(good.replace("read_every_ms = 200", "read_every_ms = 100"))
    agent.send_signal(signal.SIGHUP)
    await hear(manager, "RELOADING=1")
    await hear(manager, "READY=1")
    async with hub.connect(broker.port):
        await hub.until(lambda: hub.acked >= 3)

    agent.send_signal(signal.SIGTERM)
    await hear(manager, "STOPPING=1")
    _, log = await agent.communicate()
    events = [json.loads(line)["event"] for line in log.decode().splitlines()]
    assert agent.returncode == 0
    for name, count in (("started", 2), ("settings_refused", 1), ("settings_taken_over", 1)):
        assert events.count(name) == count, log.decode()


async def test_a_loop_that_hangs_gives_no_sign_of_life(manager: socket.socket) -> None:
    alive = True
    supervisor = Supervisor(manager.getsockname(), 0.03, CLOCK)
    task = asyncio.create_task(supervisor.watch(lambda: alive))
    await hear(manager, "WATCHDOG=1")
    alive = False
    await asyncio.sleep(0.05)
    while True:  # what was said before it hung
        try:
            manager.recv(4096)
        except BlockingIOError:
            break
    await asyncio.sleep(0.1)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)
    task.cancel()


def test_an_abstract_socket_is_one() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0gridtokenx-test-notify")
        Supervisor("@gridtokenx-test-notify", None, CLOCK).reloading()
        assert end.recv(100) == b"RELOADING=1\nMONOTONIC_USEC=5000"


async def test_without_a_manager_nothing_is_said(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "none"), "WATCHDOG_USEC": "x"}):
        supervisor = Supervisor.from_environment(environment, CLOCK)
        supervisor.ready()
        supervisor.stopping()
        await supervisor.watch(lambda: True)
