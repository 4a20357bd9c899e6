"""registry: suspend_meter and revoke_meter."""

import pytest
from grid import Grid, Site, edit_account
from grid import without_signature as unsigned
from meters import Stewards


def test_a_registrar_suspends(stewards: Stewards, site: Site) -> None:
    before = stewards.meter(site)
    outcome = stewards.suspend(site)
    assert stewards.meter(site) == before | {"status": "Suspended"}
    [event] = outcome.events
    assert event.name == "MeterSuspended"
    assert event.data == {
        "sequence": 5,
        "meter_id": site.meter_id,
        "suspended_by": stewards.grid.registrar.pubkey(),
        "timestamp": stewards.world.sent_at,
    }
    site.refuse("MeterNotActive", site.reading())


def test_a_registrar_revokes(stewards: Stewards, site: Site) -> None:
    registrar, before = stewards.grid.registrar, stewards.meter(site)
    instruction = stewards.revoke_meter(site, registrar.pubkey())
    [event] = stewards.world.send(instruction, signers=[registrar]).events
    assert stewards.meter(site) == before | {"status": "Revoked"}
    assert event.name == "MeterRevoked"
    assert event.data == {
        "sequence": 5,
        "meter_id": site.meter_id,
        "revoked_by": registrar.pubkey(),
        "timestamp": stewards.world.sent_at,
    }
    site.refuse("MeterNotActive", site.reading())


def test_the_owner_revokes(stewards: Stewards, site: Site) -> None:
    [event] = stewards.revoke(site).events
    assert event.data["revoked_by"] == site.owner.pubkey()
    assert stewards.meter(site)["status"] == "Revoked"


def test_a_suspended_meter_can_be_revoked(stewards: Stewards, site: Site) -> None:
    stewards.suspend(site)
    stewards.revoke(site)
    assert stewards.meter(site)["status"] == "Revoked"


def test_once_is_enough(stewards: Stewards, site: Site) -> None:
    registrar = stewards.grid.registrar
    stewards.suspend(site)
    stewards.world.refuse("MeterNotActive", stewards.suspend_meter(site), signers=[registrar])
    stewards.revoke(site)
    stewards.world.refuse("MeterRevoked", stewards.suspend_meter(site), signers=[registrar])
    again = stewards.revoke_meter(site, site.owner.pubkey())
    stewards.world.refuse("MeterRevoked", again, signers=[site.owner])


def test_neither_is_for_strangers(stewards: Stewards, site: Site) -> None:
    world, thief = stewards.world, stewards.grid.user()
    borrowed = world.addresses.registrar(stewards.grid.registrar.pubkey())
    for registrar in (world.addresses.registrar(thief.pubkey()), borrowed):
        for instruction in (
            stewards.revoke_meter(site, thief.pubkey(), registrar=registrar),
            stewards.suspend_meter(site, registrar_key=thief.pubkey(), registrar=registrar),
        ):
            world.refuse("Unauthorized", instruction, signers=[thief])
    assert stewards.meter(site)["status"] == "Active"


def test_the_owner_does_not_suspend(stewards: Stewards, site: Site) -> None:
    instruction = stewards.suspend_meter(site, registrar_key=site.owner.pubkey())
    stewards.world.refuse("Unauthorized", instruction, signers=[site.owner])


@pytest.mark.parametrize("role", ["owner", "registrar"])
def test_who_does_it_signs(stewards: Stewards, site: Site, role: str) -> None:
    key = site.owner.pubkey() if role == "owner" else stewards.grid.registrar.pubkey()
    stewards.world.refuse("MissingSignature", unsigned(stewards.revoke_meter(site, key), key))
    suspended = stewards.suspend_meter(site, registrar_key=key)
    stewards.world.refuse("MissingSignature", unsigned(suspended, key))


@pytest.mark.forged
def test_a_registrar_of_another_program(stewards: Stewards, site: Site) -> None:
    world, thief = stewards.world, stewards.world.wallet(0)
    real = world.account(
        world.registry, "Registrar", world.addresses.registrar(stewards.grid.registrar.pubkey())
    )
    fake = world.wallet(0).pubkey()
    data = world.registry.encode_account("Registrar", real | {"registrar": thief.pubkey()})
    world.put(fake, world.trading.id, data)
    instruction = stewards.revoke_meter(site, thief.pubkey(), registrar=fake)
    world.refuse("Unauthorized", instruction, signers=[thief])


@pytest.mark.forged
def test_the_last_event_number_is_not_passed(stewards: Stewards, site: Site, grid: Grid) -> None:
    world = grid.world
    config = world.addresses.registry_config()
    edit_account(world, world.registry, "Config", config, event_sequence=2**64 - 1)
    world.refuse("ArithmeticOverflow", stewards.suspend_meter(site), signers=[grid.registrar])
