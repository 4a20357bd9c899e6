"""A meter goes to another owner, once all that it signed before is the old one's."""

import pytest
from hub_world import HubWorld
from installer import change_code
from solders.pubkey import Pubkey
from tests.hub.provisioning.test_own_wallet import own_wallet, signed_by
from tests.provisioning.on_site import Device, Door, highest, installed, onchain
from tests.provisioning.test_owner_signs import install_for_owner

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_whole_way(world: HubWorld, sunny_device: Device) -> None:
    """Also while the agent runs; the energy up to the last boundary is the old owner's."""
    device = sunny_device
    seller, buyer = await world.user("Old owner"), await world.user("New owner")
    meter_id = await installed(world, device, seller)
    await device.until_settlement_readings(world, meter_id, 1)
    code = await change_code(world, "transfer", meter_id, new_user_id=buyer.user_id)
    async with device.agent():
        done = await device.change("transfer", code, "--wait", "60")
    assert done.code == 0, done.lines
    assert done.result["owner_wallet"] == buyer.wallet
    assert (await onchain(world, meter_id))["owner"] == Pubkey.from_string(buyer.wallet)
    owners = await world.pool.fetch(
        "SELECT data ->> 'owner' AS owner, (data ->> 'minted_mwh')::bigint AS minted FROM events"
        " WHERE name = 'MeterSettled' AND data ->> 'meter_id' = $1 ORDER BY sequence",
        meter_id.hex(),
    )
    assert {row["owner"] for row in owners} == {seller.wallet}
    assert sum(row["minted"] for row in owners) > 0
    sheet = (device.settings / f"transfer-{meter_id.hex()}.html").read_text()
    for fact in ("New owner", "Owner before", "Old owner", buyer.wallet, device.meter.serial):
        assert fact in sheet
    assert (await device.change("transfer", code)).result == done.result


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["/claims", "/transfer", "/done"])
async def test_broken(
    world: HubWorld, sunny_device: Device, door: Door, when: str, step: str
) -> None:
    device = sunny_device
    buyer = await world.user()
    meter_id = await installed(world, device)
    code = await change_code(world, "transfer", meter_id, new_user_id=buyer.user_id)
    door.cut = (when, step)
    assert (await device.change("transfer", code)).code < 0
    door.cut = None
    before = await highest(world, meter_id)
    done = await device.change("transfer", code, "--wait", "60")
    assert done.code == 0, done.lines
    assert done.result["owner_wallet"] == buyer.wallet
    assert await highest(world, meter_id) > before
    events = await world.pool.fetchval(
        "SELECT count(*) FROM events WHERE name = 'MeterTransferred' AND data ->> 'meter_id' = $1",
        meter_id.hex(),
    )
    assert events == 1


async def test_owners_elsewhere_sign(world: HubWorld, sunny_device: Device) -> None:
    """Each signs the same transaction; the command takes one file after the other."""
    device = sunny_device
    seller, user = await own_wallet(world)
    buyer, heir = await own_wallet(world)
    meter_id = await install_for_owner(world, device, seller, user)
    code = await change_code(world, "transfer", meter_id, new_user_id=heir.user_id)
    async with device.agent():
        line = (await device.change("transfer", code)).fails("OwnerMustSign")
        assert str(seller.pubkey()) in line
        offer = {"transaction": (device.settings / "owner-transaction.txt").read_text()}
        signed = device.folder / "signed.txt"
        signed.write_text(signed_by(seller, offer))
        file = ("--owner-signed", str(signed))
        line = (await device.change("transfer", code, *file)).fails("OwnerMustSign")
        assert str(buyer.pubkey()) in line
        signed.write_text(signed_by(buyer, offer))
        done = await device.change("transfer", code, *file, "--wait", "60")
    assert done.code == 0, done.lines
    assert done.result["owner_wallet"] == str(buyer.pubkey())
