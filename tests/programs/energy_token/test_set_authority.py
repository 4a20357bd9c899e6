"""energy-token: set_authority."""

from grid import Grid, with_data
from grid import without_signature as unsigned
from meters import Stewards


def test_the_authority_hands_over(stewards: Stewards, grid: Grid) -> None:
    world, heir = grid.world, grid.world.wallet(0)
    instruction = stewards.set_token_authority(heir.pubkey())
    [event] = world.send(instruction, signers=[grid.authority, heir]).events
    assert event.name == "AuthoritySet"
    assert event.data == {"sequence": 2, "role": "Authority", "authority": heir.pubkey()}
    config = world.account(world.energy_token, "Config", world.addresses.energy_config())
    assert (config["authority"], config["treasury"]) == (heir.pubkey(), grid.treasury.pubkey())
    world.refuse("Unauthorized", instruction, signers=[grid.authority, heir])


def test_the_authority_gives_the_treasury_to_another(stewards: Stewards, grid: Grid) -> None:
    world, heir = grid.world, grid.world.wallet(0)
    instruction = stewards.set_token_authority(heir.pubkey(), "Treasury")
    [event] = world.send(instruction, signers=[grid.authority, heir]).events
    assert event.data == {"sequence": 2, "role": "Treasury", "authority": heir.pubkey()}
    tokens = world.put_tokens(world.addresses.grx_mint(), heir.pubkey())
    world.refuse("Unauthorized", grid.mint_grx(tokens, 1), signers=[grid.treasury])
    world.send(grid.mint_grx(tokens, 1, treasury=heir.pubkey()), signers=[heir])
    config = world.account(world.energy_token, "Config", world.addresses.energy_config())
    assert config["authority"] == grid.authority.pubkey()


def test_nobody_else_does(stewards: Stewards, grid: Grid) -> None:
    thief = grid.world.wallet(0)
    for signer in (thief, grid.treasury):
        for role in ("Authority", "Treasury"):
            instruction = stewards.set_token_authority(
                thief.pubkey(), role, authority=signer.pubkey()
            )
            grid.world.refuse("Unauthorized", instruction, signers=[signer, thief])


def test_both_sign(stewards: Stewards, grid: Grid) -> None:
    heir = grid.world.wallet(0)
    instruction = stewards.set_token_authority(heir.pubkey())
    for signer, missing in ((grid.authority, heir), (heir, grid.authority)):
        grid.world.refuse(
            "MissingSignature", unsigned(instruction, missing.pubkey()), signers=[signer]
        )


def test_there_are_two_roles(stewards: Stewards, grid: Grid) -> None:
    heir = grid.world.wallet(0)
    instruction = stewards.set_token_authority(heir.pubkey())
    data = bytes(instruction.data)[:-1]
    signers = [grid.authority, heir]
    for role in (2, 255):
        wrong = with_data(instruction, data + bytes([role]))
        grid.world.refuse("InvalidRole", wrong, signers=signers)
    grid.world.refuse("InvalidArguments", with_data(instruction, data), signers=signers)
