"""energy-token: mint_grx."""

from typing import Any

import pytest
from grid import GRX_CAP, Grid, edit_account
from grid import without_signature as unsigned
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccountState

TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


@pytest.fixture
def destination(grid: Grid) -> Pubkey:
    return grid.world.put_tokens(grid.world.addresses.grx_mint(), Pubkey.new_unique())


def refuse(grid: Grid, error: str, destination: Pubkey, amount: int = 1, **changed: Pubkey) -> None:
    instruction = grid.mint_grx(destination, amount, **changed)
    grid.world.refuse(error, instruction, signers=[grid.treasury])


def supply(grid: Grid) -> int:
    account = grid.world.find(grid.world.addresses.grx_mint())
    assert account is not None
    return Mint.from_bytes(bytes(account.data)).supply


def test_mints(grid: Grid, destination: Pubkey) -> None:
    world = grid.world
    world.send(grid.mint_grx(destination, 30), signers=[grid.treasury])
    outcome = world.send(grid.mint_grx(destination, 12), signers=[grid.treasury])
    assert world.balance(destination) == supply(grid) == 42
    config = world.account(world.energy_token, "Config", world.addresses.energy_config())
    assert config["grx_minted"] == 42
    [event] = outcome.events
    assert event.name == "GrxMinted"
    assert event.data == {
        "sequence": 3,
        "destination": destination,
        "amount": 12,
        "grx_minted": 42,
    }


def test_never_more_than_the_cap(grid: Grid, destination: Pubkey) -> None:
    for amount in (GRX_CAP + 1, 2**64 - 1):
        refuse(grid, "CapExceeded", destination, amount)
    grid.world.send(grid.mint_grx(destination, GRX_CAP), signers=[grid.treasury])
    for amount in (1, 2**64 - GRX_CAP, 2**64 - 1):
        refuse(grid, "CapExceeded", destination, amount)
    assert supply(grid) == GRX_CAP


def test_nothing_is_no_amount(grid: Grid, destination: Pubkey) -> None:
    refuse(grid, "InvalidAmount", destination, 0)


def test_only_the_treasury_mints(grid: Grid, destination: Pubkey) -> None:
    for other in (grid.authority, grid.world.wallet(0)):
        instruction = grid.mint_grx(destination, 1, treasury=other.pubkey())
        grid.world.refuse("Unauthorized", instruction, signers=[other])
    instruction = unsigned(grid.mint_grx(destination, 1), grid.treasury.pubkey())
    grid.world.refuse("MissingSignature", instruction)


def test_energy_is_not_minted_this_way(grid: Grid) -> None:
    energy = grid.world.addresses.energy_mint()
    tokens = grid.world.put_tokens(energy, Pubkey.new_unique())
    refuse(grid, "InvalidMint", tokens, grx_mint=energy)
    refuse(grid, "InvalidTokenAccount", tokens)


@pytest.mark.parametrize(
    "wrong",
    [
        {"delegate": Pubkey.new_unique()},
        {"close_authority": Pubkey.new_unique()},
        pytest.param({"state": TokenAccountState.Uninitialized}, marks=pytest.mark.forged),
        pytest.param({"state": TokenAccountState.Frozen}, marks=pytest.mark.forged),
        pytest.param(
            {"program": Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")},
            marks=pytest.mark.forged,
        ),
        pytest.param({"mint": Pubkey.new_unique()}, marks=pytest.mark.forged),
    ],
    ids=["delegate", "close authority", "uninitialised", "frozen", "token-2022", "mint"],
)
def test_a_destination_is_a_plain_token_account(grid: Grid, wrong: dict[str, Any]) -> None:
    mint = wrong.pop("mint", None) or grid.world.addresses.grx_mint()
    tokens = grid.world.put_tokens(mint, grid.world.wallet(0).pubkey(), **wrong)
    refuse(grid, "InvalidTokenAccount", tokens)


def test_a_wallet_is_no_token_account(grid: Grid) -> None:
    refuse(grid, "InvalidTokenAccount", grid.world.wallet().pubkey())
    refuse(grid, "InvalidTokenAccount", grid.world.addresses.grx_mint())


@pytest.mark.forged
def test_a_configuration_of_another_program_is_refused(grid: Grid, destination: Pubkey) -> None:
    world, thief = grid.world, grid.world.wallet(0)
    real = world.account(world.energy_token, "Config", world.addresses.energy_config())
    data = world.energy_token.encode_account("Config", real | {"treasury": thief.pubkey()})
    fake = Pubkey.new_unique()
    world.put(fake, world.trading.id, data)
    instruction = grid.mint_grx(destination, 1, treasury=thief.pubkey(), config=fake)
    world.refuse("InvalidAccount", instruction, signers=[thief])


@pytest.mark.forged
def test_the_last_event_number_is_not_passed(grid: Grid, destination: Pubkey) -> None:
    world = grid.world
    config = world.addresses.energy_config()
    edit_account(world, world.energy_token, "Config", config, event_sequence=2**64 - 1)
    refuse(grid, "ArithmeticOverflow", destination)
