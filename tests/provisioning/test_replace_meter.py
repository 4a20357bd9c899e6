"""Another meter takes the old one's place; what the old one counted is settled before."""

import stat

import pytest
from hub_world import HubWorld
from installer import change_code, history
from tests.provisioning.door import Door
from tests.provisioning.on_site import Device, Meter, installed
from tests.provisioning.seen import highest, ledger

from demo.processes import free_port
from gridtokenx_edge.config import load_config
from gridtokenx_protocol.record import Flag

pytestmark = pytest.mark.asyncio(loop_scope="session")

Meters = tuple[Meter, Meter]


async def exchanged(world: HubWorld, device: Device, meter_id: bytes, meters: Meters) -> None:
    """The ledger goes on with the new registers, and all that the old ones counted is minted."""
    first = await world.pool.fetchrow(
        "SELECT * FROM readings WHERE meter_id = $1 AND flags & $2 <> 0",
        meter_id,
        int(Flag.REGISTER_REPLACED),
    )
    assert first is not None
    settled = await world.pool.fetchrow(
        "SELECT * FROM readings WHERE meter_id = $1 AND sequence < $2 AND flags & 4 <> 0"
        " ORDER BY sequence DESC LIMIT 1",
        meter_id,
        first["sequence"],
    )
    minted = await world.pool.fetchval(
        "SELECT minted_mwh FROM settlements WHERE meter_id = $1 AND sequence = $2 AND"
        " status = 'settled'",
        meter_id,
        settled["sequence"] if settled else 0,
    )
    assert settled is None or minted is not None, "nothing of the old meter is left behind"
    held = await ledger(world, meter_id)
    assert held["rebase_sequence"] == first["sequence"]
    (meter,) = load_config(device.settings / "edge.toml").meters
    assert meter.serial == meters[1].serial
    assert meter.bus.line.place.endswith(f":{meters[1].port}")
    refused = await world.pool.fetchval(
        "SELECT count(*) FROM quarantine WHERE meter_id = $1", meter_id
    )
    assert refused == 0


async def test_the_whole_way(world: HubWorld, sunny_device: Device, sunny_meters: Meters) -> None:
    device, (old, new) = sunny_device, sunny_meters
    meter_id = await installed(world, device)
    await device.until_settlement_readings(world, meter_id, 1)
    code = await change_code(world, "replace_meter", meter_id)
    final = await device.change("replace-meter", code, "--wait", "30")
    assert final.code == 0, final.lines
    assert final.result["serial"] == old.serial
    assert "--exchanged" in final.lines[-1]
    assert await highest(world, meter_id) > 1
    (await device.change("replace-meter", code, "--exchanged")).fails("MeterNotExchanged")
    device.meter = new
    done = await device.change("replace-meter", code, "--exchanged", *device.bus(), "--wait", "60")
    assert done.code == 0, done.lines
    await exchanged(world, device, meter_id, sunny_meters)
    assert (await ledger(world, meter_id))["minted_mwh"] > 0
    assert done.result["serial"] == new.serial
    assert done.result["before"]["produced_mwh"] == final.result["produced_mwh"]
    assert done.result["produced_mwh"] < final.result["produced_mwh"]
    sheet = (device.settings / f"replace-meter-{meter_id.hex()}.html").read_text()
    for fact in ("Meter exchanged", old.serial, new.serial, meter_id.hex(), "Meter before"):
        assert fact in sheet
    again = await device.change("replace-meter", code, "--exchanged")
    assert again.result == done.result
    assert stat.S_IMODE((device.settings / "edge.toml").stat().st_mode) == 0o600
    minted = (await ledger(world, meter_id))["minted_mwh"]
    await device.until_settlement_readings(world, meter_id, 2)
    end = await device.change("decommission", await change_code(world, "revoke", meter_id))
    assert end.code == 0, end.lines
    assert (await ledger(world, meter_id))["minted_mwh"] > minted, "the new meter's surplus counts"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["/claims", "/replacement", "/done"])
async def test_broken(
    world: HubWorld,
    sunny_device: Device,
    sunny_meters: Meters,
    door: Door,
    when: str,
    step: str,
) -> None:
    """Killed on the way to the hub, or before its answer arrives: run again, nothing doubles."""
    device = sunny_device
    meter_id = await installed(world, device)
    code = await change_code(world, "replace_meter", meter_id)
    device.meter = sunny_meters[1]
    door.cut = (when, step)
    first = await device.change("replace-meter", code, "--exchanged", *device.bus())
    assert first.code < 0
    door.cut = None
    done = await device.change("replace-meter", code, "--exchanged", *device.bus(), "--wait", "60")
    assert done.code == 0, done.lines
    await exchanged(world, device, meter_id, sunny_meters)
    count = await world.pool.fetchval(
        "SELECT count(*) FROM readings WHERE meter_id = $1 AND flags & 32 <> 0", meter_id
    )
    assert count == 1
    events = await world.pool.fetchval(
        "SELECT count(*) FROM events WHERE name = 'MeterRebased' AND data ->> 'meter_id' = $1",
        meter_id.hex(),
    )
    assert events == 1
    assert await history(world, meter_id) >= 2


async def test_a_code_for_another_serial_number(
    world: HubWorld, sunny_device: Device, sunny_meters: Meters
) -> None:
    device = sunny_device
    meter_id = await installed(world, device)
    code = await change_code(world, "replace_meter", meter_id, serial="4711")
    device.meter = sunny_meters[1]
    command = ("replace-meter", code, "--exchanged", *device.bus())
    (await device.change(*command)).fails("CodeForAnotherMeter")
    code = await change_code(world, "replace_meter", meter_id, serial=sunny_meters[1].serial)
    done = await device.change("replace-meter", code, "--exchanged", *device.bus())
    assert done.code == 0, done.lines


async def test_an_old_meter_that_is_dead(world: HubWorld, sunny_device: Device) -> None:
    device = sunny_device
    meter_id = await installed(world, device)
    code = await change_code(world, "replace_meter", meter_id)
    config = device.settings / "edge.toml"
    config.write_text(
        config.read_text().replace(f"port = {device.meter.port}", f"port = {free_port()}")
    )
    line = (await device.change("replace-meter", code, "--wait", "3")).fails("NoLiveReading")
    assert "--exchanged" in line


async def test_a_broker_that_is_away(
    world: HubWorld, sunny_device: Device, sunny_meters: Meters
) -> None:
    """Nothing of the new meter is signed before all of the old one has come."""
    device = sunny_device
    meter_id = await installed(world, device)
    code = await change_code(world, "replace_meter", meter_id)
    with device.without_broker():
        async with device.agent():
            await device.until_spooled(device.spooled()[-1].sequence + 5)
        device.meter = sunny_meters[1]
        command = ("replace-meter", code, "--exchanged", *device.bus())
        (await device.change(*command, "--wait", "2")).fails("NotDelivered")
    done = await device.change(*command, "--wait", "60")
    assert done.code == 0, done.lines
    await exchanged(world, device, meter_id, sunny_meters)
