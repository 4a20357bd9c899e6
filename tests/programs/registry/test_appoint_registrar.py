"""registry: appoint_registrar."""

import pytest
from grid import Grid, edit_account, other_bump, prefund
from grid import without_signature as unsigned


def test_appoints(grid: Grid) -> None:
    world = grid.world
    world.send(grid.initialize_registry(), signers=[grid.authority])
    outcome = world.send(grid.appoint_registrar(daily_cap=7), signers=[grid.authority])
    key = grid.registrar.pubkey()
    registrar = world.account(world.registry, "Registrar", world.addresses.registrar(key))
    registrar.pop("bump")
    assert registrar == {"registrar": key, "daily_cap": 7, "day": 0, "registered_today": 0}
    [event] = outcome.events
    assert event.name == "RegistrarAppointed"
    assert event.data == {"sequence": 2, "registrar": key, "daily_cap": 7}


@pytest.mark.forged
def test_changes_only_the_cap_of_one_who_is_appointed(started: Grid) -> None:
    world = started.world
    address = world.addresses.registrar(started.registrar.pubkey())
    edit_account(world, world.registry, "Registrar", address, day=20_000, registered_today=9)
    world.send(started.appoint_registrar(daily_cap=3), signers=[started.authority])
    registrar = world.account(world.registry, "Registrar", address)
    assert registrar["daily_cap"] == 3
    assert (registrar["day"], registrar["registered_today"]) == (20_000, 9)


def test_only_the_authority_appoints(started: Grid) -> None:
    thief = started.world.wallet()
    instruction = started.appoint_registrar(thief.pubkey(), authority=thief.pubkey())
    started.world.refuse("Unauthorized", instruction, signers=[thief])


def test_the_authority_signs(started: Grid) -> None:
    instruction = unsigned(started.appoint_registrar(), started.authority.pubkey())
    started.world.refuse("MissingSignature", instruction)


def test_a_registrar_has_one_address(started: Grid) -> None:
    world, key = started.world, started.world.wallet().pubkey()
    other = world.addresses.registrar(started.registrar.pubkey())
    second = other_bump([b"registrar", bytes(key)], world.registry.id)
    for address in (other, second):
        instruction = started.appoint_registrar(key, registrar=address)
        world.refuse("InvalidAccount", instruction, signers=[started.authority])


def test_lamports_sent_ahead_do_not_block_it(started: Grid) -> None:
    world, key = started.world, started.world.wallet().pubkey()
    prefund(world, world.addresses.registrar(key))
    world.send(started.appoint_registrar(key), signers=[started.authority])


@pytest.mark.forged
def test_a_configuration_of_another_program_is_refused(started: Grid) -> None:
    world = started.world
    thief = world.wallet()
    real = world.account(world.registry, "Config", world.addresses.registry_config())
    data = world.registry.encode_account("Config", real | {"authority": thief.pubkey()})
    fake = world.wallet(0).pubkey()
    world.put(fake, world.trading.id, data)
    instruction = started.appoint_registrar(thief.pubkey(), authority=thief.pubkey(), config=fake)
    world.refuse("InvalidAccount", instruction, signers=[thief])


def test_another_account_of_the_program_is_no_configuration(started: Grid) -> None:
    instruction = started.appoint_registrar(
        config=started.world.addresses.registrar(started.registrar.pubkey())
    )
    started.world.refuse("InvalidAccount", instruction, signers=[started.authority])


def test_before_the_configuration_nobody_is_appointed(grid: Grid) -> None:
    grid.world.refuse("InvalidAccount", grid.appoint_registrar(), signers=[grid.authority])
