"""energy-token: open_ledger."""

import os

import pytest
from grid import LIMITS, Grid, other_bump, prefund
from harness import Device
from solders.pubkey import Pubkey

TICK_MWH = 10_000


@pytest.fixture
def meter_id(grid: Grid) -> bytes:
    """A registered meter without a ledger."""
    meter_id, owner = os.urandom(16), grid.user()
    baseline = grid.baseline(meter_id, produced_mwh=123, consumed_mwh=45)
    grid.world.send(
        Device().proof(baseline),
        grid.register_meter(owner.pubkey(), meter_id),
        signers=[grid.registrar, owner],
    )
    return meter_id


def test_starts_at_the_baseline(grid: Grid, meter_id: bytes) -> None:
    world = grid.world
    outcome = world.send(grid.open_ledger(meter_id))
    ledger = world.account(world.energy_token, "Ledger", world.addresses.ledger(meter_id))
    ledger.pop("bump")
    assert ledger == {
        "meter_id": meter_id,
        "last_sequence": 1,
        "last_time_ms": (grid.boundary - 895) * 1000,
        "produced_mwh": 123,
        "consumed_mwh": 45,
        "surplus_mwh": 0,
        "minted_mwh": 0,
        "redeemed_mwh": 0,
        "daily_allowance_mwh": LIMITS["daily_export_limit_mwh"] * 11 // 10 + TICK_MWH,
        "deficit_mwh": 0,
        "rebase_sequence": 0,
    }
    [event] = outcome.events
    assert event.name == "LedgerOpened"
    assert event.data == {"sequence": 2, "meter_id": meter_id}


def test_is_opened_once(grid: Grid, meter_id: bytes) -> None:
    grid.world.send(grid.open_ledger(meter_id))
    grid.world.refuse("LedgerAlreadyOpen", grid.open_ledger(meter_id))


def test_lamports_sent_ahead_do_not_block_it(grid: Grid, meter_id: bytes) -> None:
    prefund(grid.world, grid.world.addresses.ledger(meter_id))
    grid.world.send(grid.open_ledger(meter_id))


def test_a_ledger_has_one_address(grid: Grid, meter_id: bytes) -> None:
    world = grid.world
    second = other_bump([b"ledger", meter_id], world.energy_token.id)
    for address in (second, world.addresses.ledger(bytes(16))):
        world.refuse("InvalidAccount", grid.open_ledger(meter_id, ledger=address))


def test_an_unregistered_meter_has_none(grid: Grid) -> None:
    grid.world.refuse("InvalidAccount", grid.open_ledger(bytes(16)))


@pytest.mark.forged
def test_a_meter_of_another_registry_has_none(grid: Grid, meter_id: bytes) -> None:
    world, other_id = grid.world, os.urandom(16)
    real = world.account(world.registry, "Meter", world.addresses.meter(meter_id))
    data = world.registry.encode_account("Meter", real | {"meter_id": other_id})
    fake = Pubkey.new_unique()
    world.put(fake, world.trading.id, data)
    world.refuse("InvalidAccount", grid.open_ledger(other_id, meter=fake))


def test_another_account_of_the_registry_is_no_meter(grid: Grid, meter_id: bytes) -> None:
    config = grid.world.addresses.registry_config()
    grid.world.refuse("InvalidAccount", grid.open_ledger(meter_id, meter=config))
