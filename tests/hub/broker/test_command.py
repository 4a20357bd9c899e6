"""`gtx-hub broker` as a process that is killed."""

import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.hub.onchain import until

from demo.processes import ProcessFailed, Supervisor, command, free_port


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    made = Supervisor(tmp_path)
    yield made
    await made.stop_all()


@pytest.mark.parametrize("kind", ["mosquitto", "rumqttd"])
async def test_the_broker_of_a_killed_run_makes_room_for_the_next(
    tmp_path: Path, supervisor: Supervisor, kind: str
) -> None:
    (tmp_path / "hub.toml").write_text(f"[broker]\nkind = '{kind}'\nport = {free_port()}\n")
    words = (command("gtx-hub"), "--folder", str(tmp_path), "broker")
    pid_file = tmp_path / "broker" / "broker.pid"

    await supervisor.start("broker", *words)
    left = int(pid_file.read_text())
    await supervisor.kill("broker")
    assert runs(left)  # nobody was there to end it

    await supervisor.start("broker", *words)
    assert not runs(left)
    assert runs(int(pid_file.read_text()))
    supervisor.check()


async def test_a_broker_that_fails_is_started_again(tmp_path: Path, supervisor: Supervisor) -> None:
    port = free_port()
    (tmp_path / "hub.toml").write_text(f"[broker]\nport = {port}\n")
    await supervisor.start("broker", command("gtx-hub"), "--folder", str(tmp_path), "broker")
    pid_file = tmp_path / "broker" / "broker.pid"
    failed = int(pid_file.read_text())
    os.kill(failed, signal.SIGSEGV)

    async def listens_again() -> bool:
        following = int(pid_file.read_text() or failed) if pid_file.exists() else failed
        with socket.socket() as probe:
            listens = probe.connect_ex(("127.0.0.1", port)) == 0
        return listens and following != failed and runs(following)

    await until(listens_again, 30)
    supervisor.check()
    said = (tmp_path / "logs" / "broker.log").read_text()
    assert "the broker ended with code -11; it is started again" in said


async def test_a_port_that_is_taken(tmp_path: Path, supervisor: Supervisor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (tmp_path / "hub.toml").write_text(f"[broker]\nport = {port}\n")
        with pytest.raises(ProcessFailed):
            await supervisor.start(
                "broker", command("gtx-hub"), "--folder", str(tmp_path), "broker"
            )
    said = (tmp_path / "logs" / "broker.log").read_text()
    assert f"port {port} cannot be had (Address already in use)" in said


def runs(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of it until it is waited for."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False
