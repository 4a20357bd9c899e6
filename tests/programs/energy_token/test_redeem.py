"""energy-token: redeem, and the deficit that settlements record."""

from typing import Any

import pytest
from grid import INTERVAL_S, KWH, Grid, Site, edit_account, unchanged
from grid import without_signature as unsigned
from meters import Stewards
from solders.pubkey import Pubkey
from solders.token.state import Mint
from worlds.tokens import transfer


def settle(site: Site, produced: int, consumed: int, surplus: int) -> None:
    last = site.ledger
    site.settle(
        site.reading(
            produced_mwh=last["produced_mwh"] + produced,
            consumed_mwh=last["consumed_mwh"] + consumed,
            surplus_mwh=last["surplus_mwh"] + surplus,
        )
    )


@pytest.fixture
def site(grid: Grid) -> Site:
    """A meter whose ledger has been open for several intervals."""
    opened = grid.boundary - 4 * INTERVAL_S + 5
    return grid.site(time_ms=opened * 1000)


@pytest.fixture
def household(site: Site) -> Site:
    """It gave 2 kWh away and took 1.5 kWh at other times."""
    settle(site, 2 * KWH, 3 * KWH // 2, 2 * KWH)
    return site


def refuse(stewards: Stewards, error: str, site: Site, amount_mwh: int, **changed: Pubkey) -> None:
    with unchanged(site):
        instruction = stewards.redeem(site, amount_mwh, **changed)
        stewards.world.refuse(error, instruction, signers=[site.owner])


@pytest.mark.parametrize(
    ("produced", "consumed", "surplus", "deficit"),
    [
        (0, 0, 0, 0),
        (10, 4, 6, 0),  # netted within the interval
        (10, 4, 10, 4),  # consumed in another interval than it was produced
        (10, 4, 8, 2),
        (4, 10, 0, 6),
        (4, 10, 4, 10),
        (0, 9, 0, 9),
    ],
)
def test_a_deficit_is_what_was_consumed_and_not_netted(
    site: Site, produced: int, consumed: int, surplus: int, deficit: int
) -> None:
    settle(site, produced, consumed, surplus)
    assert site.ledger["deficit_mwh"] == deficit
    settle(site, produced, consumed, surplus)
    assert site.ledger["deficit_mwh"] == 2 * deficit


def test_burns_against_the_deficit(stewards: Stewards, household: Site) -> None:
    world, before = stewards.world, household.ledger
    mint = world.addresses.energy_mint()
    instruction = stewards.redeem(household, KWH)
    [event] = world.send(instruction, signers=[household.owner]).events
    assert household.ledger == before | {"redeemed_mwh": KWH}
    assert world.balance(household.token) == KWH
    assert Mint.from_bytes(world.data(mint)).supply == KWH
    assert event.name == "EnergyRedeemed"
    assert event.data == {
        "sequence": 4,
        "meter_id": household.meter_id,
        "owner": household.owner.pubkey(),
        "amount_mwh": KWH,
        "redeemed_mwh": KWH,
        "deficit_mwh": 3 * KWH // 2,
        "timestamp": world.sent_at,
    }


def test_the_deficit_is_used_up(stewards: Stewards, household: Site) -> None:
    deficit = household.ledger["deficit_mwh"]
    refuse(stewards, "DeficitExceeded", household, deficit + 1)
    refuse(stewards, "DeficitExceeded", household, 2**64 - 1)
    stewards.world.send(stewards.redeem(household, deficit - 1), signers=[household.owner])
    refuse(stewards, "DeficitExceeded", household, 2)
    refuse(stewards, "DeficitExceeded", household, 2**64 - 1)
    stewards.world.send(stewards.redeem(household, 1), signers=[household.owner])
    refuse(stewards, "DeficitExceeded", household, 1)
    settle(household, 0, 5, 0)
    refuse(stewards, "DeficitExceeded", household, 6)
    stewards.world.send(stewards.redeem(household, 5), signers=[household.owner])


def test_energy_that_was_bought_is_redeemed(stewards: Stewards, site: Site, grid: Grid) -> None:
    """A consumer has no surplus of its own: the tokens come from the market."""
    seller = grid.site()
    settle(seller, 2 * KWH, 0, 2 * KWH)
    settle(site, 0, KWH, 0)
    world = grid.world
    sold = transfer(seller.token, site.token, seller.owner.pubkey(), KWH)
    world.send(sold, signers=[seller.owner])
    world.send(stewards.redeem(site, KWH), signers=[site.owner])
    assert world.balance(site.token) == 0


def test_nothing(stewards: Stewards, household: Site) -> None:
    refuse(stewards, "InvalidAmount", household, 0)


def test_more_than_the_account_holds(stewards: Stewards, site: Site) -> None:
    settle(site, 0, KWH, 0)
    refuse(stewards, "InsufficientBalance", site, 1)


def test_only_the_meters_owner(stewards: Stewards, household: Site, grid: Grid) -> None:
    thief = grid.site()
    settle(thief, 2 * KWH, 0, 2 * KWH)
    instruction = stewards.redeem(household, 1, owner=thief.owner.pubkey(), owner_token=thief.token)
    with unchanged(household):
        grid.world.refuse("Unauthorized", instruction, signers=[thief.owner])


def test_the_owner_signs(stewards: Stewards, household: Site) -> None:
    instruction = unsigned(stewards.redeem(household, 1), household.owner.pubkey())
    stewards.world.refuse("MissingSignature", instruction)


def test_from_the_owners_account(stewards: Stewards, household: Site, grid: Grid) -> None:
    world = grid.world
    grx = world.put_tokens(world.addresses.grx_mint(), household.owner.pubkey(), KWH)
    refuse(stewards, "InvalidTokenAccount", household, 1, owner_token=grid.site().token)
    refuse(stewards, "InvalidTokenAccount", household, 1, owner_token=grx)
    refuse(
        stewards, "InvalidMint", household, 1,
        owner_token=grx, energy_mint=world.addresses.grx_mint(),
    )  # fmt: skip


def test_another_meters_deficit(stewards: Stewards, household: Site, grid: Grid) -> None:
    other = grid.site()
    settle(other, 0, KWH, 0)
    ledger = grid.world.addresses.ledger(other.meter_id)
    refuse(stewards, "InvalidAccount", household, 1, ledger=ledger)


@pytest.mark.forged
def test_accounts_of_another_program(stewards: Stewards, household: Site) -> None:
    world = stewards.world
    for role, address in (
        ("meter", world.addresses.meter(household.meter_id)),
        ("ledger", world.addresses.ledger(household.meter_id)),
        ("config", world.addresses.energy_config()),
    ):
        fake = Pubkey.new_unique()
        world.put(fake, world.trading.id, world.data(address))
        refuse(stewards, "InvalidAccount", household, 1, **{role: fake})


@pytest.mark.forged
def test_a_deficit_beyond_all_numbers(site: Site) -> None:
    world, address = site.grid.world, site.grid.world.addresses.ledger(site.meter_id)
    values: dict[str, Any] = {"deficit_mwh": 2**64 - 1}
    edit_account(world, world.energy_token, "Ledger", address, **values)
    site.refuse("ArithmeticOverflow", site.reading(surplus_mwh=2 * KWH))
    site.settle(site.reading())
