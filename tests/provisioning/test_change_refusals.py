"""Whatever is to be changed: each refusal is one line with its name, and nothing has happened."""

import datetime as dt
from dataclasses import replace

import pytest
from hub_world import HubWorld
from installer import change_code, expire, history, issue
from tests.provisioning.door import Door
from tests.provisioning.on_site import Device, Meter, Outcome, installed

from demo.processes import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

VERBS = {
    "rotate-key": "rotate_key",
    "replace-meter": "replace_meter",
    "transfer": "transfer",
    "decommission": "revoke",
}


async def terms(world: HubWorld, verb: str) -> dict[str, int]:
    return {"new_user_id": (await world.user()).user_id} if verb == "transfer" else {}


async def code_for(world: HubWorld, verb: str, meter_id: bytes) -> str:
    return await change_code(world, VERBS[verb], meter_id, **await terms(world, verb))


async def run(device: Device, verb: str, code: str) -> Outcome:
    """Run a verb; a meter has been exchanged already."""
    if verb == "replace-meter":
        return await device.change(verb, code, "--exchanged", *device.bus())
    return await device.change(verb, code)


@pytest.mark.parametrize("verb", VERBS)
async def test_codes_that_are_not_for_this(
    world: HubWorld, sunny_device: Device, sunny_meters: tuple[Meter, Meter], verb: str
) -> None:
    meter_id = await installed(world, sunny_device)
    neighbour = await installed(world, replace(sunny_device, folder=sunny_device.folder / "other"))
    device = sunny_device
    if verb == "replace-meter":
        device.meter = sunny_meters[1]
    (await run(device, verb, "K7QF-9M2X-4TDA-W3HN")).fails("UnknownCode")
    other = "decommission" if verb != "decommission" else "rotate-key"
    (await run(device, verb, await code_for(world, other, meter_id))).fails("WrongPurpose")
    (await run(device, verb, await code_for(world, verb, neighbour))).fails("CodeForAnotherMeter")
    told = {"purpose": VERBS[verb], "meter_id": meter_id.hex(), **await terms(world, verb)}
    wrong = await issue(world, **told, serial="4711")
    (await run(device, verb, wrong["code"])).fails("CodeForAnotherMeter")
    late = await issue(world, **told)
    await expire(world, late["code_id"])
    (await run(device, verb, late["code"])).fails("CodeExpired")
    code = (await issue(world, **told))["code"]
    clock = world.context.clock
    with world.having(clock=lambda: clock() + dt.timedelta(seconds=90)):
        assert "behind" in (await run(device, verb, code)).fails("ClockOff")
    assert await history(world, meter_id) == 1
    done = await run(device, verb, code)
    assert done.code == 0, done.lines
    (device.settings / f"{verb}.json").unlink()
    if verb != "replace-meter":  # the meter would have to be exchanged once more
        (await run(device, verb, code)).fails("CodeUsed")


@pytest.mark.parametrize("verb", VERBS)
async def test_without_an_installation(device: Device, verb: str) -> None:
    (await run(device, verb, "K7QF-9M2X-4TDA-W3HN")).fails("FolderError")


@pytest.mark.parametrize("verb", ["rotate-key", "replace-meter", "decommission"])
async def test_the_agent_has_to_be_stopped(world: HubWorld, device: Device, verb: str) -> None:
    meter_id = await installed(world, device)
    async with device.agent():
        line = (await run(device, verb, await code_for(world, verb, meter_id))).fails("AgentRuns")
    assert "systemctl stop" in line
    assert await history(world, meter_id) == 1


async def test_one_change_at_a_time(world: HubWorld, device: Device, door: Door) -> None:
    meter_id = await installed(world, device)
    rotation = await code_for(world, "rotate-key", meter_id)
    door.cut = ("before", "/rotation")
    assert (await run(device, "rotate-key", rotation)).code < 0
    door.cut = None
    code = await code_for(world, "decommission", meter_id)
    assert "rotate-key again" in (await run(device, "decommission", code)).fails("FolderError")
    assert (await run(device, "rotate-key", rotation)).code == 0
    assert (await run(device, "decommission", code)).code == 0


async def test_a_change_that_was_given_up(world: HubWorld, device: Device, door: Door) -> None:
    """It holds nothing up: it has signed nothing."""
    meter_id = await installed(world, device)
    door.cut = ("before", "/transfer")
    assert (await run(device, "transfer", await code_for(world, "transfer", meter_id))).code < 0
    door.cut = None
    done = await run(device, "rotate-key", await code_for(world, "rotate-key", meter_id))
    assert done.code == 0, done.lines


async def test_a_code_that_expired_before_the_handover(
    world: HubWorld, device: Device, door: Door
) -> None:
    """The change is made; the next code is for the next one."""
    meter_id = await installed(world, device)
    issued = await issue(world, purpose="rotate_key", meter_id=meter_id.hex())
    door.cut = ("before", "/done")
    assert (await run(device, "rotate-key", issued["code"])).code < 0
    door.cut = None
    await expire(world, issued["code_id"])
    (await run(device, "rotate-key", issued["code"])).fails("CodeExpired")
    done = await run(device, "rotate-key", await code_for(world, "rotate-key", meter_id))
    assert done.code == 0, done.lines
    assert await history(world, meter_id) == 3


async def test_a_code_that_expired_on_the_way(world: HubWorld, device: Device, door: Door) -> None:
    """The next code goes on with what was begun."""
    meter_id = await installed(world, device)
    issued = await issue(world, purpose="rotate_key", meter_id=meter_id.hex())
    door.cut = ("before", "/rotation")
    assert (await run(device, "rotate-key", issued["code"])).code < 0
    door.cut = None
    await expire(world, issued["code_id"])
    (await run(device, "rotate-key", issued["code"])).fails("CodeExpired")
    count = len(device.spooled())
    done = await run(device, "rotate-key", await code_for(world, "rotate-key", meter_id))
    assert done.code == 0, done.lines
    assert len(device.spooled()) == count, "with the same first reading"


async def test_a_hub_that_is_away(world: HubWorld, device: Device) -> None:
    meter_id = await installed(world, device)
    code = await code_for(world, "rotate-key", meter_id)
    away = ("--hub", f"http://127.0.0.1:{free_port()}")
    line = (await device.change("rotate-key", code, *away)).fails("HubUnreachable")
    assert "run the same command again" in line
