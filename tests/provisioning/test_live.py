"""One reading of the meter is seen on the hub, by whichever agent runs."""

from dataclasses import replace

import pytest
from hub_world import HubWorld
from installer import install_code
from tests.provisioning.on_site import Device

from demo.processes import free_port

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
    async with device.agent() as agent:
        done = await device.install(code, "--wait", "60")
        assert done.code == 0, done.lines
        assert agent.returncode is None
