"""registry: dismiss_registrar."""

import os

from grid import Grid, Site, with_accounts
from grid import without_signature as unsigned
from harness import Device
from meters import Stewards
from solders.instruction import AccountMeta


def test_dismisses(stewards: Stewards) -> None:
    world, key = stewards.world, stewards.grid.registrar.pubkey()
    address, heir = world.addresses.registrar(key), world.wallet(0).pubkey()
    rent = world.lamports(address)
    instruction = stewards.dismiss_registrar(key, rent_recipient=heir)
    [event] = world.send(instruction, signers=[stewards.grid.authority]).events
    assert event.name == "RegistrarDismissed"
    assert event.data == {"sequence": 3, "registrar": key}
    assert world.find(address) is None
    assert rent
    assert world.lamports(heir) == rent


def test_one_who_is_dismissed_has_no_say(stewards: Stewards, site: Site, grid: Grid) -> None:
    instruction = stewards.dismiss_registrar(grid.registrar.pubkey())
    grid.world.send(instruction, signers=[grid.authority])
    grid.world.refuse("Unauthorized", stewards.suspend_meter(site), signers=[grid.registrar])
    owner, meter_id = grid.user(), os.urandom(16)
    grid.world.refuse(
        "Unauthorized",
        Device().proof(grid.baseline(meter_id)),
        grid.register_meter(owner.pubkey(), meter_id),
        signers=[grid.registrar, owner],
    )
    grid.world.send(grid.appoint_registrar(), signers=[grid.authority])
    stewards.suspend(site)


def test_only_the_authority_dismisses(stewards: Stewards, grid: Grid) -> None:
    key = grid.registrar.pubkey()
    instruction = stewards.dismiss_registrar(key, authority=key)
    grid.world.refuse("Unauthorized", instruction, signers=[grid.registrar])
    authority = grid.authority.pubkey()
    grid.world.refuse("MissingSignature", unsigned(stewards.dismiss_registrar(key), authority))


def test_only_a_registrar_is_dismissed(stewards: Stewards, grid: Grid) -> None:
    world = grid.world
    for address in (
        world.addresses.registrar(world.wallet(0).pubkey()),
        world.addresses.registry_config(),
        world.addresses.energy_config(),
        world.addresses.user(grid.user().pubkey()),
    ):
        instruction = stewards.dismiss_registrar(grid.registrar.pubkey(), registrar=address)
        world.refuse("InvalidAccount", instruction, signers=[grid.authority])


def test_the_rent_recipient_is_writable(stewards: Stewards, grid: Grid) -> None:
    heir = grid.world.wallet(0).pubkey()
    instruction = stewards.dismiss_registrar(grid.registrar.pubkey(), rent_recipient=heir)
    metas = [
        AccountMeta(meta.pubkey, meta.is_signer, meta.is_writable and meta.pubkey != heir)
        for meta in instruction.accounts
    ]
    wrong = with_accounts(instruction, metas)
    grid.world.refuse("InvalidAccount", wrong, signers=[grid.authority])


def test_the_rent_does_not_go_back_into_the_account(stewards: Stewards, grid: Grid) -> None:
    key = grid.registrar.pubkey()
    address = grid.world.addresses.registrar(key)
    instruction = stewards.dismiss_registrar(key, rent_recipient=address)
    grid.world.refuse("UnbalancedInstruction", instruction, signers=[grid.authority])
