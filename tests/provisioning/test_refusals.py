"""Each refusal is one line with its name, and the same command goes on afterwards."""

import datetime as dt
import re
from dataclasses import replace
from importlib.resources import files

import pytest
from hub_world import HubWorld
from installer import LIMITS, Site, expire, install_code, issue
from tests.provisioning.door import Door
from tests.provisioning.on_site import Device

from demo.processes import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_wrong_code(device: Device) -> None:
    (await device.install("K7QF-9M2X-4TDA-W3HN")).fails("UnknownCode")


async def test_a_used_code(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user())
    await Site(world, code).claim()
    (await device.install(code)).fails("CodeUsed")


async def test_an_expired_code(world: HubWorld, device: Device) -> None:
    user = await world.user()
    issued = await issue(world, purpose="install", user_id=user.user_id, **LIMITS)
    await expire(world, issued["code_id"])
    (await device.install(issued["code"])).fails("CodeExpired")
    done = await device.install(await install_code(world, user))
    assert done.code == 0, done.lines


async def test_a_code_for_another_meter(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user(), serial="4711")
    (await device.install(code)).fails("CodeForAnotherMeter")
    code = await install_code(world, await world.user(), serial=f"00{device.meter.serial}")
    done = await device.install(code)
    assert done.result["serial"] == device.meter.serial, done.lines


async def test_a_code_for_something_else(world: HubWorld, device: Device) -> None:
    meter = await device.install(await install_code(world, await world.user()))
    issued = await issue(world, purpose="rotate_key", meter_id=meter.result["meter_id"])
    other = replace(device, folder=device.folder / "other")
    (await other.install(issued["code"])).fails("WrongPurpose")


async def test_another_meter_than_the_plate_says(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user())
    line = (await device.install(code, "--serial", "4711")).fails("SerialMismatch")
    assert device.meter.serial in line
    assert "4711" in line
    done = await device.install(code, "--serial", f"0{device.meter.serial}")
    assert done.result["serial"] == device.meter.serial, done.lines


async def test_a_meter_that_does_not_tell_its_serial_number(
    world: HubWorld, device: Device
) -> None:
    code = await install_code(world, await world.user(), serial="4711-0815")
    own = device.folder / "own.toml"
    shipped = files("gridtokenx_edge.meters") / "profiles" / "schneider-iem3155.toml"
    own.write_text(re.sub(r"\[identity\]\n(?:.+\n)+", "", shipped.read_text()))
    profile = ("--profile", str(own))
    assert "plate" in (await device.install(code, *profile)).fails("InvalidArgument")
    done = await device.install(code, *profile, "--serial", "4711-0815")
    assert done.result["serial"] == "4711-0815", done.lines
    assert "serial" not in (device.settings / "edge.toml").read_text()


async def test_a_clock_that_is_off(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user())
    clock = world.context.clock
    with world.having(clock=lambda: clock() + dt.timedelta(seconds=90)):
        assert "behind" in (await device.install(code)).fails("ClockOff")
    assert (await device.install(code)).code == 0


async def test_a_hub_that_is_away(world: HubWorld, device: Device, door: Door) -> None:
    code = await install_code(world, await world.user())
    port, door.port = door.port, free_port()
    assert "run the same command again" in (await device.install(code)).fails("HubUnreachable")
    door.port = port
    assert (await device.install(code)).code == 0


async def test_a_meter_that_is_away(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user())
    meter, device.meter = device.meter, replace(device.meter, port=free_port())
    (await device.install(code)).fails("MeterUnreachable")
    device.meter = meter
    assert (await device.install(code)).code == 0


async def test_the_code_of_another_installation(world: HubWorld, device: Device) -> None:
    code, other = [await install_code(world, await world.user()) for _ in range(2)]
    assert (await device.install(code)).code == 0
    (device.settings / "provisioning.json").unlink()
    (await device.install(other)).fails("FolderError")


async def test_a_code_does_not_travel_in_the_clear(device: Device) -> None:
    line = (await device.install("K7QF-9M2X-4TDA-W3HN", "--hub", "http://hub.example")).fails(
        "InvalidArgument"
    )
    assert "https" in line


async def test_a_bus_in_a_file(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user())
    file = device.folder / "bus.toml"
    start = ("install", "--hub", f"http://127.0.0.1:{device.door.port}", "--code", code)
    meter = ("--profile", "schneider-iem3155", "--clock", "trusted", "--bus-file", str(file))
    meter += ("--state", str(device.folder / "state"))
    (await device.run(*start, *meter)).fails("InvalidArgument")
    file.write_text('kind = "carrier pigeon"')
    (await device.run(*start, *meter, "--bus-port", "502")).fails("InvalidArgument")
    assert "bus.kind: write one of" in (await device.run(*start, *meter)).fails("ConfigError")
    file.write_text(f'host = "127.0.0.1"\nport = {device.meter.port}\n')
    done = await device.run(*start, *meter)
    assert done.code == 0, done.lines
