"""`gtx-hub broker` as a process that is killed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo.processes import Supervisor, command, free_port


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


def runs(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of it until it is waited for."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False
