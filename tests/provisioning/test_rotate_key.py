"""A new key takes the old one's place, once, wherever the command breaks off."""

import json
import stat
from itertools import pairwise
from pathlib import Path

import pytest
from hub_world import HubWorld
from installer import change_code, history
from tests.hub.provisioning.test_own_wallet import own_wallet, signed_by
from tests.provisioning.door import Door
from tests.provisioning.on_site import Device, Outcome, installed
from tests.provisioning.seen import acked, highest
from tests.provisioning.test_owner_signs import install_for_owner

from gridtokenx_edge.config import load_config
from gridtokenx_edge.keystore import load_signer
from gridtokenx_hub.keys import load_registrar
from gridtokenx_protocol.keys import key_id

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def in_force(world: HubWorld, device: Device, meter_id: bytes, done: Outcome) -> None:
    """The new key alone is on the device, in its settings, and in force at the hub."""
    (meter,) = load_config(device.settings / "edge.toml").meters
    assert isinstance(meter.key, Path)
    signer = load_signer(meter.key)
    row = await world.pool.fetchrow("SELECT * FROM meters WHERE meter_id = $1", meter_id)
    assert row is not None
    assert row["public_key"] == signer.public_key != row["previous_public_key"]
    assert done.result["key_id"] == key_id(signer.public_key).hex()
    assert {path.name for path in meter.key.parent.glob("*.key")} == {meter.key.name, "tls.key"}
    sequences = await world.pool.fetch(
        "SELECT sequence, hash, previous_hash FROM readings WHERE meter_id = $1 ORDER BY sequence",
        meter_id,
    )
    assert all(
        after["previous_hash"] == before["hash"]
        for before, after in pairwise(sequences)
        if after["sequence"] == before["sequence"] + 1
    )


async def test_the_whole_way(world: HubWorld, device: Device) -> None:
    meter_id = await installed(world, device)
    code = await change_code(world, "rotate_key", meter_id, serial=device.meter.serial)
    done = await device.change("rotate-key", code, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, device, meter_id, done)
    live = json.loads((device.settings / "rotate-key.json").read_text())["live"]["sequence"]
    assert await highest(world, meter_id) >= live
    sheet = (device.settings / f"rotate-key-{meter_id.hex()}.html").read_text()
    for fact in ("New device key", device.meter.serial, meter_id.hex(), "<svg"):
        assert fact in sheet
    for path in device.folder.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            assert code not in path.read_bytes().decode(errors="replace")
    assert (await device.change("rotate-key", code)).result == done.result, "asked again, the same"
    assert await history(world, meter_id) == 2
    again = await device.change("rotate-key", await change_code(world, "rotate_key", meter_id))
    assert again.code == 0, again.lines
    await in_force(world, device, meter_id, again)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["/claims", "/rotation", "/done"])
async def test_broken(world: HubWorld, device: Device, door: Door, when: str, step: str) -> None:
    """Killed on the way to the hub, or before its answer arrives: run again, nothing doubles."""
    meter_id = await installed(world, device)
    code = await change_code(world, "rotate_key", meter_id)
    door.cut = (when, step)
    assert (await device.change("rotate-key", code)).code < 0
    door.cut = None
    done = await device.change("rotate-key", code, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, device, meter_id, done)
    assert await history(world, meter_id) == 2


async def test_broken_before_the_settings(world: HubWorld, device: Device, door: Door) -> None:
    """The new key's first reading is in the spool: the old key must not sign behind it."""
    meter_id = await installed(world, device)
    code = await change_code(world, "rotate_key", meter_id)
    config = device.settings / "edge.toml"
    before = config.read_text()
    door.cut = ("before", "/rotation")
    assert (await device.change("rotate-key", code)).code < 0
    config.write_text(before)
    assert "rotate-key again" in await device.agent_refuses()
    door.cut = None
    done = await device.change("rotate-key", code, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, device, meter_id, done)


async def test_a_backlog_of_the_old_key_arrives(world: HubWorld, device: Device) -> None:
    """It counts up to its last reading; the rotation does not wait for it."""
    meter_id = await installed(world, device)
    code = await change_code(world, "rotate_key", meter_id)
    stored = await highest(world, meter_id)
    with device.without_broker():
        async with device.agent():
            await device.until_spooled(device.spooled()[-1].sequence + 5)
        done = await device.change("rotate-key", code)
        assert done.code == 0, done.lines
        assert await highest(world, meter_id) == stored
        first = device.spooled()[-1].sequence
    await device.until_acked(world, meter_id, first + 1)
    await in_force(world, device, meter_id, done)
    signers = await world.pool.fetch(
        "SELECT sequence FROM readings WHERE meter_id = $1 AND sequence BETWEEN $2 AND $3",
        meter_id,
        stored + 1,
        first,
    )
    assert len(signers) == first - stored


async def test_two_rotations_without_a_broker(world: HubWorld, device: Device) -> None:
    """The hub knows the key in force and the one before: the second waits for the first's."""
    meter_id = await installed(world, device)
    with device.without_broker():
        async with device.agent():
            await device.until_spooled(device.spooled()[-1].sequence + 3)
        first = await device.change("rotate-key", await change_code(world, "rotate_key", meter_id))
        assert first.code == 0, first.lines
        code = await change_code(world, "rotate_key", meter_id)
        (await device.change("rotate-key", code, "--wait", "2")).fails("NotDelivered")
    done = await device.change("rotate-key", code, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, device, meter_id, done)


async def test_a_suspended_meter(world: HubWorld, device: Device) -> None:
    """The chain forgets the suspended key: what it signed is delivered before."""
    meter_id = await installed(world, device)
    with device.without_broker():
        async with device.agent():
            await device.until_spooled(device.spooled()[-1].sequence + 3)
    await suspend(world, meter_id)
    last = device.spooled()[-1].sequence
    code = await change_code(world, "rotate_key", meter_id)
    done = await device.change("rotate-key", code, "--wait", "60")
    assert done.code == 0, done.lines
    assert any(line.startswith("delivery: ") for line in done.lines)
    assert await acked(world, meter_id) > last
    row = await world.pool.fetchrow("SELECT * FROM meters WHERE meter_id = $1", meter_id)
    assert row is not None
    assert (row["status"], row["previous_public_key"]) == ("active", None)


async def suspend(world: HubWorld, meter_id: bytes) -> None:
    """The registrar suspends the meter on chain."""
    addresses, registrar = world.context.addresses, load_registrar(world.folder / "keys")
    accounts = {
        "config": addresses.registry_config(),
        "registrar_key": registrar.pubkey(),
        "registrar": addresses.registrar(registrar.pubkey()),
        "meter": addresses.meter(meter_id),
    }
    made = world.context.programs["registry"].instruction("suspend_meter", {}, accounts)
    confirmed = await world.context.sender.send(lambda _payer: [made], (registrar,))
    assert await world.context.indexer.wait_for(confirmed.signature, 1, 10)


async def test_a_first_reading_that_has_become_too_old(
    world: HubWorld, device: Device, door: Door
) -> None:
    """The chain takes it for a day. What the new key signed until then is declared lost."""
    meter_id = await installed(world, device)
    code = await change_code(world, "rotate_key", meter_id)
    door.cut = ("before", "/rotation")
    assert (await device.change("rotate-key", code)).code < 0
    door.cut = None
    async with device.agent():
        await device.until_spooled(device.spooled()[-1].sequence + 3)
    last = device.spooled()[-1].sequence
    door.refuse = ("/rotation", "TimeOutOfRange")
    done = await device.change("rotate-key", code, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, device, meter_id, done)
    await device.until_acked(world, meter_id, last + 1)
    lost = await world.pool.fetchrow("SELECT * FROM losses WHERE meter_id = $1", meter_id)
    assert lost is not None
    assert lost["last_sequence"] == last


async def test_an_owner_elsewhere_signs(world: HubWorld, device: Device) -> None:
    wallet, user = await own_wallet(world)
    meter_id = await install_for_owner(world, device, wallet, user)
    code = await change_code(world, "rotate_key", meter_id)
    (await device.change("rotate-key", code)).fails("OwnerMustSign")
    offered = {"transaction": (device.settings / "owner-transaction.txt").read_text()}
    signed = device.folder / "signed.txt"
    signed.write_text(signed_by(wallet, offered))
    file = ("--owner-signed", str(signed))
    done = await device.change("rotate-key", code, *file, "--wait", "60")
    assert done.code == 0, done.lines
    await in_force(world, device, meter_id, done)
