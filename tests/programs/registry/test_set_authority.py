"""registry: set_authority."""

from grid import Grid
from grid import without_signature as unsigned
from meters import Stewards


def test_hands_over(stewards: Stewards, grid: Grid) -> None:
    world, heir = grid.world, grid.world.wallet(0)
    instruction = stewards.set_authority(heir.pubkey())
    [event] = world.send(instruction, signers=[grid.authority, heir]).events
    assert event.name == "AuthoritySet"
    assert event.data == {"sequence": 3, "authority": heir.pubkey()}
    config = world.account(world.registry, "Config", world.addresses.registry_config())
    assert config["authority"] == heir.pubkey()
    world.refuse("Unauthorized", grid.appoint_registrar(), signers=[grid.authority])
    world.send(grid.appoint_registrar(authority=heir.pubkey()), signers=[heir])


def test_only_the_authority_hands_over(stewards: Stewards, grid: Grid) -> None:
    thief = grid.world.wallet(0)
    instruction = stewards.set_authority(thief.pubkey(), authority=thief.pubkey())
    grid.world.refuse("Unauthorized", instruction, signers=[thief])


def test_both_sign(stewards: Stewards, grid: Grid) -> None:
    heir = grid.world.wallet(0)
    instruction = stewards.set_authority(heir.pubkey())
    for signer, missing in ((grid.authority, heir), (heir, grid.authority)):
        grid.world.refuse(
            "MissingSignature", unsigned(instruction, missing.pubkey()), signers=[signer]
        )
