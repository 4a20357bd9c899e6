"""An owner with a wallet of their own signs the registration, away from the device."""

import pytest
from hub_world import HubWorld, User
from installer import history, install_code
from solders.keypair import Keypair
from tests.hub.provisioning.test_own_wallet import own_wallet, signed_by
from tests.provisioning.on_site import Device

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def install_for_owner(world: HubWorld, device: Device, wallet: Keypair, user: User) -> bytes:
    """Install a meter of an owner with a wallet of their own; return its id."""
    code = await install_code(world, user)
    line = (await device.install(code)).fails("OwnerMustSign")
    assert str(wallet.pubkey()) in line
    offered = {"transaction": (device.settings / "owner-transaction.txt").read_text()}
    signed = device.folder / "signed.txt"
    signed.write_text(signed_by(wallet, offered))
    done = await device.install(code, "--owner-signed", str(signed), "--wait", "60")
    assert done.code == 0, done.lines
    assert done.result["owner_wallet"] == str(wallet.pubkey())
    return bytes.fromhex(done.result["meter_id"])


async def test_the_whole_way(world: HubWorld, device: Device) -> None:
    meter_id = await install_for_owner(world, device, *await own_wallet(world))
    assert (device.settings / "meter.pem").exists()
    assert await history(world, meter_id) == 1


async def test_a_file_that_is_not_there(world: HubWorld, device: Device) -> None:
    _, user = await own_wallet(world)
    code = await install_code(world, user)
    missing = str(device.folder / "missing.txt")
    (await device.install(code, "--owner-signed", missing)).fails("FolderError")
