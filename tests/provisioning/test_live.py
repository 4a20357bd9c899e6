"""One reading of the meter is seen on the hub, by whichever agent runs."""

import asyncio
import sys
from dataclasses import replace

import pytest
from hub_world import HubWorld
from installer import install_code
from tests.edge.broker import free_port
from tests.provisioning.on_site import Device

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_broker_that_is_away(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user())
    with world.having(broker=replace(world.context.broker, port=free_port())):
        failed = await device.install(code, "--wait", "1")
    assert "gtx-edge run" in failed.fails("NoLiveReading")
    assert (await device.install(code)).code == 0


async def test_with_an_agent_that_runs_already(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user())
    assert (await device.install(code)).code == 0
    agent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gridtokenx_edge", "run"),
        *("--config", str(device.settings / "edge.toml")),
        stderr=asyncio.subprocess.PIPE,
    )
    assert agent.stderr is not None
    assert b"started" in await agent.stderr.readline()
    done = await device.install(code, "--wait", "60")
    assert done.code == 0, done.lines
    assert agent.returncode is None
    agent.terminate()
    await agent.communicate()
