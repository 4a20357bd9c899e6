"""A disk that takes its time for every sync: strace holds the system call up."""

from pathlib import Path

import pytest
from tests.adversity.hub.world import World
from tests.adversity.traced import strace

pytestmark = pytest.mark.asyncio(loop_scope="session")

SYNCS = "fsync,fdatasync"
HELD_UP_US = 100_000


@pytest.mark.parametrize("service", ["database", "chain"])
async def test_a_slow_disk(world: World, tmp_path: Path, service: str) -> None:
    hub, trace = world.hub, tmp_path / "trace"
    held_up = (
        *("--seccomp-bpf", "-e", f"trace={SYNCS}"),
        *("-e", f"inject={SYNCS}:delay_enter={HELD_UP_US}"),
    )
    async with world.load():
        await hub.restart(service, *strace(trace, *held_up))
        for _ in range(3):
            await world.any_moment()
        await hub.restart(service)
    await world.check()
    assert "DELAYED" in trace.read_text()
