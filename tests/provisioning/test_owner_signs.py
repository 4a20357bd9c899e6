"""An owner with a wallet of their own signs the registration, away from the device."""

import base64

import pytest
from hub_world import HubWorld
from installer import history, install_code
from solders.transaction import Transaction
from tests.hub.provisioning.test_own_wallet import own_wallet
from tests.provisioning.on_site import Device

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_whole_way(world: HubWorld, device: Device) -> None:
    wallet, user = await own_wallet(world)
    code = await install_code(world, user)
    line = (await device.install(code)).fails("OwnerMustSign")
    assert str(wallet.pubkey()) in line
    offered = (device.settings / "owner-transaction.txt").read_text()
    message = Transaction.from_bytes(base64.b64decode(offered)).message
    signatures = list(Transaction.new_unsigned(message).signatures)
    signatures[list(message.account_keys).index(wallet.pubkey())] = wallet.sign_message(
        bytes(message)
    )
    signed = device.folder / "signed.txt"
    signed.write_bytes(base64.b64encode(bytes(Transaction.populate(message, signatures))))
    done = await device.install(code, "--owner-signed", str(signed))
    assert done.code == 0, done.lines
    assert done.result["owner_wallet"] == str(wallet.pubkey())
    assert (device.settings / "meter.pem").exists()
    assert await history(world, bytes.fromhex(done.result["meter_id"])) == 1


async def test_a_file_that_is_not_there(world: HubWorld, device: Device) -> None:
    _, user = await own_wallet(world)
    code = await install_code(world, user)
    missing = str(device.folder / "missing.txt")
    (await device.install(code, "--owner-signed", missing)).fails("FolderError")
