"""One whole installation, and one that breaks at each step."""

import re
import stat
import tomllib

import pytest
from hub_world import HubWorld
from installer import history, install_code
from tests.provisioning.door import Door
from tests.provisioning.on_site import Device

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_whole_way(world: HubWorld, device: Device) -> None:
    user = await world.user("Solar <Home> A")
    serial = device.meter.serial
    code = await install_code(world, user, serial=serial)
    done = await device.install(code, "--wait", "60")
    assert done.code == 0, done.lines
    meter_id = done.result["meter_id"]
    steps = [line.partition(":")[0] for line in done.lines]
    assert [step for step in steps if step.isalpha()] == [
        *("meter", "key", "claim", "settings", "baseline", "registration"),
        *("live", "live", "handover", "sheet"),
    ]
    assert done.result["owner_wallet"] == user.wallet
    assert (done.result["produced_mwh"], done.result["consumed_mwh"]) == (
        20_000_000_000,
        30_000_000_000,
    )
    stored = await world.pool.fetchval(
        "SELECT count(*) FROM readings WHERE meter_id = $1", bytes.fromhex(meter_id)
    )
    assert stored > 1
    sheet = (device.settings / f"commissioning-{meter_id}.html").read_text()
    assert done.result["sheet"].endswith(f"commissioning-{meter_id}.html")
    for fact in (
        serial,
        meter_id,
        user.wallet,
        "20000.000000 kWh",
        "30000.000000 kWh",
        "<svg",
    ):
        assert fact in sheet
    assert done.result["tx_signature"] in sheet
    assert "Solar &lt;Home&gt; A" in sheet
    assert not re.search(r"<script|<link|src=|href=|url\(", sheet)
    assert (
        tomllib.loads((device.settings / "edge.toml").read_text())["meter"][0]["serial"] == serial
    )
    again = await device.install(code, "--wait", "60")
    assert again.result == done.result
    assert await history(world, bytes.fromhex(meter_id)) == 1


async def test_what_is_left_on_the_device(world: HubWorld, device: Device) -> None:
    code = await install_code(world, await world.user())
    done = await device.install(code)
    assert done.code == 0, done.lines
    secret = code.replace("-", "")
    files = [path for path in device.folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"edge.toml", "meter.pem", "ca.pem", "meter.key"}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        content = path.read_bytes().decode(errors="replace")
        assert code not in content
        assert secret not in content
    said = "".join(done.lines) + str(done.result)
    assert code not in said
    assert "PRIVATE" not in said


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["/claims", "/registration", "/done"])
async def test_broken(world: HubWorld, device: Device, door: Door, when: str, step: str) -> None:
    """Killed on the way to the hub, or before its answer arrives: run again, nothing doubles."""
    code = await install_code(world, await world.user())
    door.cut = (when, step)
    assert (await device.install(code)).code < 0
    drawn = await world.pool.fetchval(
        "SELECT meter_id FROM provisioning_codes ORDER BY id DESC LIMIT 1"
    )
    door.cut = None
    done = await device.install(code)
    assert done.code == 0, done.lines
    meter_id = bytes.fromhex(done.result["meter_id"])
    assert drawn in {meter_id, None}
    assert (drawn is None) == ((when, step) == ("before", "/claims"))
    assert await history(world, meter_id) == 1
    issued = await world.pool.fetchval(
        "SELECT count(*) FROM certificates WHERE meter_id = $1", meter_id
    )
    assert issued == 1
