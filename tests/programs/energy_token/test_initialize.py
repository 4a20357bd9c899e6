"""energy-token: initialize."""

from typing import Any

import pytest
from grid import Grid, edit_account, other_bump, prefund
from grid import without_signature as unsigned
from solders.pubkey import Pubkey
from solders.token.state import Mint


def test_makes_configuration_and_mints(registered: Grid) -> None:
    world, addresses = registered.world, registered.world.addresses
    outcome = world.send(registered.initialize_tokens(grx_cap=77), signers=[registered.authority])
    common = {
        "registry_program": world.registry.id,
        "energy_mint": addresses.energy_mint(),
        "grx_mint": addresses.grx_mint(),
        "grx_cap": 77,
    }
    config = world.account(world.energy_token, "Config", addresses.energy_config())
    config.pop("bump")
    assert config == common | {
        "authority": registered.authority.pubkey(),
        "treasury": registered.treasury.pubkey(),
        "deployment": registered.deployment,
        "settlement_interval_s": 900,
        "grx_minted": 0,
        "event_sequence": 1,
    }
    [event] = outcome.events
    assert event.name == "TokensInitialized"
    assert event.data == common | {"sequence": 1}


@pytest.mark.parametrize("mint", ["energy_mint", "grx_mint"])
def test_only_the_program_mints_and_nobody_freezes(grid: Grid, mint: str) -> None:
    account = grid.world.find(getattr(grid.world.addresses, mint)())
    assert account is not None
    state = Mint.from_bytes(bytes(account.data))
    assert state.mint_authority == grid.world.addresses.energy_config()
    assert state.freeze_authority is None
    assert (state.supply, state.decimals) == (0, 6)


def test_happens_once(grid: Grid) -> None:
    grid.world.refuse("AlreadyInitialized", grid.initialize_tokens(), signers=[grid.authority])


def test_lamports_sent_ahead_do_not_block_it(registered: Grid) -> None:
    addresses = registered.world.addresses
    for address in (addresses.energy_config(), addresses.energy_mint(), addresses.grx_mint()):
        prefund(registered.world, address)
    registered.start_tokens()


def test_the_authority_signs(registered: Grid) -> None:
    instruction = unsigned(registered.initialize_tokens(), registered.authority.pubkey())
    registered.world.refuse("MissingSignature", instruction)


def refuse(grid: Grid, error: str, **changed: Any) -> None:
    grid.world.refuse(error, grid.initialize_tokens(**changed), signers=[grid.authority])


def test_the_configuration_has_one_address(registered: Grid) -> None:
    program = registered.world.energy_token.id
    refuse(registered, "InvalidAccount", config=other_bump([b"config"], program))
    refuse(registered, "InvalidAccount", config=Pubkey.new_unique())


@pytest.mark.parametrize("mint", ["energy_mint", "grx_mint"])
def test_a_mint_has_one_address(registered: Grid, mint: str) -> None:
    second = other_bump([mint.encode()], registered.world.energy_token.id)
    for address in (second, Pubkey.new_unique()):
        refuse(registered, "InvalidMint", **{mint: address})


@pytest.mark.forged
def test_the_registry_is_initialised_and_in_its_place(registered: Grid) -> None:
    world = registered.world
    config = world.find(world.addresses.registry_config())
    assert config is not None
    copy = Pubkey.new_unique()
    world.put(copy, world.registry.id, bytes(config.data))
    refuse(registered, "InvalidAccount", registry_config=copy)
    refuse(registered, "InvalidAccount", registry_program=world.trading.id)
    refuse(registered, "InvalidAccount", registry_config=world.addresses.market())


@pytest.mark.forged
def test_a_registry_that_another_program_wrote_is_none(registered: Grid) -> None:
    world = registered.world
    address = world.addresses.registry_config()
    config = world.find(address)
    assert config is not None
    world.put(address, world.trading.id, bytes(config.data))
    refuse(registered, "InvalidAccount")


@pytest.mark.forged
def test_another_account_of_the_registry_is_no_configuration(registered: Grid) -> None:
    world = registered.world
    address = world.addresses.registry_config()
    registrar = world.find(world.addresses.registrar(registered.registrar.pubkey()))
    assert registrar is not None
    world.put(address, world.registry.id, bytes(registrar.data))
    refuse(registered, "InvalidAccount")


def test_the_token_program_is_classic(registered: Grid) -> None:
    token_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
    refuse(registered, "InvalidAccount", token_program=token_2022)


@pytest.mark.forged
def test_the_interval_is_the_registrys(registered: Grid) -> None:
    world = registered.world
    address = world.addresses.registry_config()
    edit_account(world, world.registry, "Config", address, settlement_interval_s=86_400)
    registered.start_tokens()
    config = world.account(world.energy_token, "Config", world.addresses.energy_config())
    assert config["settlement_interval_s"] == 86_400
