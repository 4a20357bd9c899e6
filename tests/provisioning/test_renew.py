"""A certificate is renewed by the device's own signature."""

import pytest
from cryptography import x509
from hub_world import HubWorld, expect
from installer import install_code
from tests.provisioning.on_site import Device

from gridtokenx_edge.config import load_config
from gridtokenx_edge.uplink.connection import tls_context

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_only_when_its_end_is_near(world: HubWorld, device: Device) -> None:
    assert (await device.install(await install_code(world, await world.user()))).code == 0
    file = device.settings / "meter.pem"
    before = file.read_bytes()
    assert (await device.run("renew")).result["renewed"] is False
    assert file.read_bytes() == before
    done = await device.run("renew", "--now")
    assert done.result["renewed"] is True, done.lines
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    assert certificate.serial_number != x509.load_pem_x509_certificate(before).serial_number
    assert done.result["expires_at"] == certificate.not_valid_after_utc.isoformat()
    (meter,) = load_config(device.settings / "edge.toml").meters
    assert meter.broker.tls is not None
    tls_context(meter.broker.tls)


async def test_a_lost_certificate(world: HubWorld, device: Device) -> None:
    assert (await device.install(await install_code(world, await world.user()))).code == 0
    (device.settings / "meter.pem").unlink()
    assert "--now" in (await device.run("renew")).fails("FolderError")
    assert (await device.run("renew", "--now")).result["renewed"] is True


async def test_a_revoked_meter(world: HubWorld, device: Device) -> None:
    done = await device.install(await install_code(world, await world.user()))
    path = f"/api/meters/{done.result['meter_id']}/revocation"
    expect(await world.post(path, {"reason": "stolen"}, world.operator), 201)
    (await device.run("renew", "--now")).fails("MeterRevoked")


async def test_without_an_installation(device: Device) -> None:
    (await device.run("renew")).fails("FolderError")
