"""energy-token: settle_meter. Proofs are in `common/test_signed_record.py`, limits in
`test_settlement_limits.py`.
"""

import hashlib
from typing import Any

import pytest
from grid import INTERVAL_S, KWH, Grid, Site, edit_account, unchanged
from harness import SETTLEMENT, SYNCHRONISED, Device, p256_device
from solders.pubkey import Pubkey
from solders.token.state import TokenAccountState

TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
MAX_COMPUTE_UNITS = 6_000
GAP, METER_FAULT, REGISTER_REPLACED, TAMPER = (1 << bit for bit in range(3, 7))


def edit_meter(site: Site, **fields: Any) -> None:
    world = site.grid.world
    edit_account(world, world.registry, "Meter", world.addresses.meter(site.meter_id), **fields)


@pytest.mark.parametrize("device", [Device(), p256_device()], ids=["ed25519", "p256"])
def test_mints_the_surplus_to_the_owner(grid: Grid, device: Device) -> None:
    site = grid.site(device)
    before, reading = site.ledger, site.reading(sequence=70)
    outcome = site.settle(reading)
    expected = {
        "produced_mwh": before["produced_mwh"] + 2 * KWH,
        "consumed_mwh": before["consumed_mwh"] + KWH // 2,
        "surplus_mwh": 3 * KWH // 2,
    }
    assert grid.world.balance(site.token) == 3 * KWH // 2
    assert site.ledger == before | expected | {
        "last_sequence": 70,
        "last_time_ms": grid.boundary * 1000,
        "minted_mwh": 3 * KWH // 2,
        "daily_allowance_mwh": site.ledger["daily_allowance_mwh"],
    }
    [event] = outcome.events
    assert event.name == "MeterSettled"
    assert event.data == expected | {
        "sequence": 3,
        "meter_id": site.meter_id,
        "owner": site.owner.pubkey(),
        "reading_sequence": 70,
        "reading_time_ms": grid.boundary * 1000,
        "minted_mwh": 3 * KWH // 2,
        "total_minted_mwh": 3 * KWH // 2,
        "record_hash": hashlib.sha256(reading).digest(),
        "timestamp": grid.world.sent_at,
    }


def test_is_cheap(site: Site) -> None:
    assert site.settle(site.reading()).compute_units < MAX_COMPUTE_UNITS


@pytest.mark.clock_jump
def test_which_readings_are_settled_does_not_change_the_total(grid: Grid) -> None:
    """One household settles each quarter-hour, its twin only the last: both mint the same."""
    often, seldom = grid.site(), grid.site()
    readings = []
    for _ in range(4):
        readings.append(often.reading())
        often.settle(readings[-1])
        grid.world.set_time(grid.world.now + INTERVAL_S)
    last = readings[-1][:8] + seldom.meter_id + readings[-1][24:]
    seldom.settle(last)
    assert grid.world.balance(often.token) == grid.world.balance(seldom.token) == 6 * KWH


def test_without_surplus_nothing_is_minted_and_the_ledger_moves_on(site: Site) -> None:
    before = site.ledger
    reading = site.reading(
        produced_mwh=before["produced_mwh"],
        consumed_mwh=before["consumed_mwh"] + KWH,
        surplus_mwh=0,
    )
    [event] = site.settle(reading).events
    assert event.data["minted_mwh"] == event.data["total_minted_mwh"] == 0
    assert site.ledger["last_sequence"] == before["last_sequence"] + 1
    assert site.grid.world.balance(site.token) == 0


def test_a_replay(site: Site) -> None:
    reading = site.reading()
    site.settle(reading)
    site.refuse("SequenceNotHigher", reading)


def test_a_replay_under_another_signature(grid: Grid) -> None:
    """A key can sign one reading in many ways: the reading counts once, whatever proves it."""
    site = grid.site(p256_device())
    reading = site.reading()
    first, second = (site.device.proof(reading) for _ in range(2))
    assert bytes(first.data) != bytes(second.data)
    grid.world.send(first, site.instruction())
    with unchanged(site):
        grid.world.refuse("SequenceNotHigher", second, site.instruction())


def test_a_sequence_that_is_not_higher(site: Site) -> None:
    site.refuse("SequenceNotHigher", site.reading(sequence=1))


def test_no_key_signs_before_the_first_sequence(site: Site) -> None:
    site.refuse("WrongKey", site.reading(sequence=0))


@pytest.mark.parametrize(
    "changed",
    [
        {"sequence": 2**64 - 1},
        {"sequence": 2**63},
        {"time_ms": 2**63},
        {"produced_mwh": 2**63},
        {"consumed_mwh": 2**64 - 1},
        {"surplus_mwh": 2**63},
    ],
)
def test_a_number_that_others_could_not_hold(site: Site, changed: dict[str, int]) -> None:
    site.refuse("NumberOutOfRange", site.reading(**changed))


def test_the_highest_sequence_settles(site: Site) -> None:
    site.settle(site.reading(sequence=2**63 - 1))


def test_a_time_that_is_not_higher(grid: Grid) -> None:
    now_ms = grid.boundary * 1000
    site = grid.site(time_ms=now_ms)
    for time_ms in (now_ms, now_ms - INTERVAL_S * 1000, 0):
        site.refuse("TimeNotHigher", site.reading(time_ms=time_ms))


@pytest.mark.clock_jump
@pytest.mark.parametrize("off_ms", [1, 1_000, 450_000, 899_999])
def test_a_time_between_boundaries(site: Site, off_ms: int) -> None:
    time_ms = site.grid.world.now * 1000
    site.grid.world.set_time(site.grid.world.now + INTERVAL_S)
    site.refuse("NotIntervalBoundary", site.reading(time_ms=time_ms + off_ms))


@pytest.mark.clock_jump
def test_a_time_ahead_of_the_chain(site: Site) -> None:
    world = site.grid.world
    time_ms = world.now * 1000
    world.set_time(world.now - 61)
    site.refuse("TimeInFuture", site.reading(time_ms=time_ms))
    world.set_time(world.now + 1)
    site.settle(site.reading(time_ms=time_ms))


@pytest.mark.parametrize("flags", [SYNCHRONISED, SYNCHRONISED | GAP])
def test_an_ordinary_reading(site: Site, flags: int) -> None:
    site.refuse("NotSettlement", site.reading(flags=flags))


@pytest.mark.parametrize("clock", [0, 1, 2])
def test_a_clock_that_is_not_synchronised(site: Site, clock: int) -> None:
    site.refuse("ClockNotSynchronised", site.reading(flags=SETTLEMENT | clock))


@pytest.mark.parametrize("fault", [METER_FAULT, REGISTER_REPLACED, TAMPER])
def test_a_fault(site: Site, fault: int) -> None:
    site.refuse("MeterFaulty", site.reading(flags=SETTLEMENT | SYNCHRONISED | fault))


@pytest.mark.parametrize("bit", range(7, 32))
def test_a_reserved_flag(site: Site, bit: int) -> None:
    site.refuse("UnknownFlags", site.reading(flags=SETTLEMENT | SYNCHRONISED | 1 << bit))


def test_after_a_gap(site: Site) -> None:
    site.settle(site.reading(sequence=1 << 20, flags=SETTLEMENT | SYNCHRONISED | GAP))


@pytest.mark.parametrize("position", range(20))
def test_a_load_profile(site: Site, position: int) -> None:
    load = bytearray(20)
    load[position] = 1
    site.refuse("TelemetryDisclosed", site.reading(load=bytes(load)))


@pytest.mark.clock_jump
@pytest.mark.parametrize("register", ["produced_mwh", "consumed_mwh", "surplus_mwh"])
def test_a_register_that_fell(site: Site, register: str) -> None:
    site.settle(site.reading())
    site.grid.world.set_time(site.grid.world.now + INTERVAL_S)
    fallen = site.ledger[register] - 1
    site.refuse("RegisterFell", site.reading(**{register: fallen}))
    site.refuse("RegisterFell", site.reading(**{register: 0}))


def test_a_transient_zero_mints_no_lifetime(site: Site) -> None:
    zero = site.reading(produced_mwh=0, consumed_mwh=0, surplus_mwh=0)
    site.refuse("RegisterFell", zero)
    site.settle(site.reading())


@pytest.mark.parametrize(
    ("produced", "consumed", "least"),
    [(10_000, 4_000, 6_000), (10_000, 0, 10_000), (10_000, 10_000, 0), (4_000, 10_000, 0)],
)
def test_a_surplus_that_the_registers_do_not_bear_out(
    site: Site, produced: int, consumed: int, least: int
) -> None:
    before = site.ledger

    def reading(surplus: int) -> bytes:
        return site.reading(
            produced_mwh=before["produced_mwh"] + produced,
            consumed_mwh=before["consumed_mwh"] + consumed,
            surplus_mwh=before["surplus_mwh"] + surplus,
        )

    site.refuse("FalseSurplus", reading(produced + 1))
    if least:
        site.refuse("FalseSurplus", reading(least - 1))
    site.settle(reading(least))


def test_a_surplus_of_all_that_was_produced(site: Site) -> None:
    """Within the time, the household consumed in other intervals than it produced."""
    produced = site.ledger["produced_mwh"] + KWH
    consumed = site.ledger["consumed_mwh"] + KWH
    site.settle(site.reading(produced_mwh=produced, consumed_mwh=consumed, surplus_mwh=KWH))
    assert site.grid.world.balance(site.token) == KWH


@pytest.mark.forged
def test_another_deployments_reading(site: Site) -> None:
    site.refuse("WrongDeployment", site.reading(deployment=b"else"))
    edit_meter(site, deployment=b"else")
    site.refuse("WrongDeployment", site.reading())
    site.refuse("WrongDeployment", site.reading(deployment=b"else"))


def test_another_meters_reading(grid: Grid, site: Site) -> None:
    site.refuse("WrongMeter", site.reading(meter_id=grid.site().meter_id))


def test_another_meters_key(grid: Grid, site: Site) -> None:
    neighbour = grid.site()
    with unchanged(site):
        grid.world.refuse("WrongKey", neighbour.device.proof(site.reading()), site.instruction())


@pytest.mark.forged
def test_the_right_key_under_another_algorithm(grid: Grid) -> None:
    site = grid.site(p256_device())
    key = {"algorithm": 0, "public_key": site.device.public_key}
    edit_meter(site, key=key)
    site.refuse("WrongKey", site.reading())


@pytest.mark.clock_jump
@pytest.mark.forged
def test_a_rotated_key_is_good_up_to_its_last_sequence(site: Site) -> None:
    old, site.device = site.device, Device()
    edit_meter(
        site,
        key=site.device.device_key,
        previous_key=old.device_key,
        previous_key_last_sequence=5,
    )
    world = site.grid.world
    with unchanged(site):
        world.refuse("WrongKey", old.proof(site.reading(sequence=6)), site.instruction())
    world.send(old.proof(site.reading(sequence=5)), site.instruction())
    world.set_time(world.now + INTERVAL_S)
    site.settle(site.reading(sequence=6))


@pytest.mark.forged
@pytest.mark.parametrize("status", ["Suspended", "Revoked"])
def test_a_meter_that_is_not_active(site: Site, status: str) -> None:
    edit_meter(site, status=status)
    site.refuse("MeterNotActive", site.reading())


@pytest.mark.forged
def test_a_meter_of_another_program(site: Site) -> None:
    world, thief = site.grid.world, Device()
    real = world.account(world.registry, "Meter", world.addresses.meter(site.meter_id))
    data = world.registry.encode_account("Meter", real | {"key": thief.device_key})
    fake = Pubkey.new_unique()
    world.put(fake, world.trading.id, data)
    with unchanged(site):
        world.refuse("InvalidAccount", thief.proof(site.reading()), site.instruction(meter=fake))


def test_another_meters_ledger(grid: Grid, site: Site) -> None:
    ledger = grid.world.addresses.ledger(grid.site().meter_id)
    site.refuse("InvalidAccount", site.reading(), ledger=ledger)


@pytest.mark.forged
def test_a_ledger_of_another_program(site: Site) -> None:
    world = site.grid.world
    ledger = world.find(world.addresses.ledger(site.meter_id))
    assert ledger is not None
    fake = Pubkey.new_unique()
    world.put(fake, world.trading.id, bytes(ledger.data))
    site.refuse("InvalidAccount", site.reading(), ledger=fake)


def test_before_the_ledger_is_open(site: Site) -> None:
    nothing = site.grid.world.wallet(0).pubkey()
    site.refuse("InvalidAccount", site.reading(), ledger=nothing)


def test_another_mint(grid: Grid, site: Site) -> None:
    grx = grid.world.addresses.grx_mint()
    tokens = grid.world.put_tokens(grx, site.owner.pubkey())
    site.refuse("InvalidMint", site.reading(), energy_mint=grx, owner_token=tokens)
    site.refuse("InvalidTokenAccount", site.reading(), owner_token=tokens)


def test_anothers_token_account(grid: Grid, site: Site) -> None:
    site.refuse("InvalidTokenAccount", site.reading(), owner_token=grid.site().token)


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
    ],
    ids=["delegate", "close authority", "uninitialised", "frozen", "token-2022"],
)
def test_a_token_account_that_is_not_plain(grid: Grid, site: Site, wrong: dict[str, Any]) -> None:
    mint = grid.world.addresses.energy_mint()
    tokens = grid.world.put_tokens(mint, site.owner.pubkey(), **wrong)
    site.refuse("InvalidTokenAccount", site.reading(), owner_token=tokens)


def test_any_plain_token_account_of_the_owner(grid: Grid, site: Site) -> None:
    mint = grid.world.addresses.energy_mint()
    tokens = grid.world.put_tokens(mint, site.owner.pubkey())
    grid.world.send(site.device.proof(site.reading()), site.instruction(owner_token=tokens))
    assert grid.world.balance(tokens) == 3 * KWH // 2


def test_one_account_in_two_places(grid: Grid, site: Site) -> None:
    config = grid.world.addresses.energy_config()
    site.refuse("InvalidAccount", site.reading(), meter=config)
    site.refuse(
        "InvalidTokenAccount", site.reading(), owner_token=grid.world.addresses.energy_mint()
    )


def test_two_meters_in_one_transaction(grid: Grid) -> None:
    sites = [grid.site(), grid.site(p256_device())]
    outcome = grid.world.send(
        *(
            part
            for site in sites
            for part in (site.device.proof(site.reading()), site.instruction())
        )
    )
    assert [event.data["meter_id"] for event in outcome.events] == [site.meter_id for site in sites]


@pytest.mark.forged
def test_a_total_beyond_all_numbers(site: Site) -> None:
    world, address = site.grid.world, site.grid.world.addresses.ledger(site.meter_id)
    edit_account(world, world.energy_token, "Ledger", address, minted_mwh=2**64 - KWH)
    site.refuse("ArithmeticOverflow", site.reading())


@pytest.mark.forged
def test_the_last_event_number_is_not_passed(site: Site) -> None:
    world = site.grid.world
    config = world.addresses.energy_config()
    edit_account(world, world.energy_token, "Config", config, event_sequence=2**64 - 1)
    site.refuse("ArithmeticOverflow", site.reading())
