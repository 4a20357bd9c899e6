"""energy-token: rebase_meter. What a proof must look like is in `common/test_signed_record.py`."""

import hashlib
from typing import Any

import pytest
from grid import INTERVAL_S, KWH, LIMITS, Grid, Site, unchanged
from grid import without_signature as unsigned
from harness import SETTLEMENT, SYNCHRONISED, Device, p256_device
from meters import REGISTER_REPLACED, Stewards, replaced_reading
from solders.message import Message
from solders.pubkey import Pubkey

METER_FAULT, TAMPER = 1 << 4, 1 << 6
REPLACED = SYNCHRONISED | REGISTER_REPLACED


def rebase(stewards: Stewards, site: Site, reading: bytes) -> None:
    stewards.world.send(
        site.device.proof(reading), stewards.rebase_meter(site), signers=[stewards.grid.registrar]
    )


def refuse(
    stewards: Stewards, error: str, site: Site, reading: bytes, device: Device | None = None
) -> None:
    proof = (device or site.device).proof(reading)
    with unchanged(site):
        signers = [stewards.grid.registrar]
        stewards.world.refuse(error, proof, stewards.rebase_meter(site), signers=signers)


@pytest.mark.clock_jump
@pytest.mark.parametrize("device", [Device(), p256_device()], ids=["ed25519", "p256"])
def test_the_ledger_goes_on_from_the_new_registers(stewards: Stewards, device: Device) -> None:
    grid, world = stewards.grid, stewards.world
    site = grid.site(device)
    site.settle(site.reading())
    world.set_time(world.now + 100)
    before, minted = site.ledger, world.balance(site.token)
    reading = replaced_reading(site, sequence=70)
    outcome = world.send(
        device.proof(reading), stewards.rebase_meter(site), signers=[grid.registrar]
    )
    registers = {"produced_mwh": 7, "consumed_mwh": 5, "surplus_mwh": 3}
    assert site.ledger == before | registers | {
        "last_sequence": 70,
        "last_time_ms": world.now * 1000,
        "rebase_sequence": 70,
        "daily_allowance_mwh": site.ledger["daily_allowance_mwh"],
    }
    assert world.balance(site.token) == minted
    [event] = outcome.events
    assert event.name == "MeterRebased"
    assert event.data == registers | {
        "sequence": 4,
        "meter_id": site.meter_id,
        "reading_sequence": 70,
        "reading_time_ms": world.now * 1000,
        "record_hash": hashlib.sha256(reading).digest(),
        "timestamp": world.sent_at,
    }
    world.set_time(world.now - 100 + INTERVAL_S)
    site.settle(site.reading(produced_mwh=KWH + 7, consumed_mwh=5, surplus_mwh=KWH + 3))
    assert world.balance(site.token) == minted + KWH


@pytest.mark.clock_jump
def test_registers_that_jump_up_mint_nothing(stewards: Stewards, site: Site) -> None:
    """The new meter was used elsewhere before: it starts far above the old one."""
    far = {"produced_mwh": 2**62, "consumed_mwh": 2**61, "surplus_mwh": 2**62}
    stewards.world.set_time(stewards.world.now + 1)
    rebase(stewards, site, replaced_reading(site, **far))
    assert stewards.world.balance(site.token) == 0
    assert (site.ledger["minted_mwh"], site.ledger["deficit_mwh"]) == (0, 0)


@pytest.mark.clock_jump
def test_what_was_signed_before_is_refused_by_name(stewards: Stewards, site: Site) -> None:
    """Neither minted twice nor lost in silence: whoever brings it too late hears why."""
    world = stewards.world
    settled, late = site.reading(sequence=10), site.reading(sequence=19)
    site.settle(settled)
    world.set_time(world.now + 1)
    rebase(stewards, site, replaced_reading(site, sequence=20))
    site.refuse("SignedBeforeRebase", late)
    site.refuse("SignedBeforeRebase", settled)
    world.set_time(world.now - 1 + INTERVAL_S)
    for sequence in (19, 10):
        site.refuse("SignedBeforeRebase", site.reading(sequence=sequence))
    site.refuse("SequenceNotHigher", site.reading(sequence=20))
    site.settle(site.reading(sequence=21))


@pytest.mark.clock_jump
def test_the_last_reading_and_the_rebase_in_one_transaction(stewards: Stewards, site: Site) -> None:
    last = site.reading(sequence=10)
    world = stewards.world
    world.set_time(world.now + 1)
    first = replaced_reading(site, sequence=11)
    instructions = [
        site.device.proof(last),
        site.instruction(),
        site.device.proof(first),
        stewards.rebase_meter(site),
    ]
    message = bytes(Message(instructions, world.payer.pubkey()))
    assert 1 + 2 * 64 + len(message) <= 1232
    world.send(*instructions, signers=[stewards.grid.registrar])
    assert world.balance(site.token) == 3 * KWH // 2
    assert site.ledger["produced_mwh"] == 7


@pytest.mark.clock_jump
def test_limits_go_on_over_the_rebase(stewards: Stewards) -> None:
    """A replacement grants no second day's worth of production."""
    world = stewards.world
    limits = {"export_limit_mw": 2**62, "daily_export_limit_mwh": 96 * KWH}
    site = stewards.grid.site(limits=LIMITS | limits, time_ms=world.now * 1000)
    day = 96 * KWH * 11 // 10
    produced = site.ledger["produced_mwh"] + day
    world.set_time(world.now + INTERVAL_S)
    site.settle(site.reading(produced_mwh=produced, consumed_mwh=9_000 * KWH, surplus_mwh=day))
    refilled = day // 96
    left = site.ledger["daily_allowance_mwh"]
    world.set_time(world.now + INTERVAL_S - 1)
    rebase(stewards, site, replaced_reading(site))
    world.set_time(world.now + 1)
    most = left + refilled

    def reading(produced_mwh: int) -> bytes:
        return site.reading(
            produced_mwh=7 + produced_mwh, consumed_mwh=5, surplus_mwh=3 + produced_mwh
        )

    site.refuse("DailyLimitExceeded", reading(most + 1))
    site.settle(reading(most - 1))  # two refills are each rounded down


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        ("WrongDeployment", {"deployment": b"else"}),
        ("WrongMeter", {"meter_id": bytes(16)}),
        ("NumberOutOfRange", {"sequence": 2**64 - 1}),
        ("NumberOutOfRange", {"surplus_mwh": 2**63}),
        ("NotReplaced", {"flags": SYNCHRONISED}),
        ("NotReplaced", {"flags": SYNCHRONISED | SETTLEMENT}),
        *(("ClockNotSynchronised", {"flags": REGISTER_REPLACED | clock}) for clock in range(3)),
        ("MeterFaulty", {"flags": REPLACED | METER_FAULT}),
        ("MeterFaulty", {"flags": REPLACED | TAMPER}),
        *(("UnknownFlags", {"flags": REPLACED | 1 << bit}) for bit in range(7, 32)),
        ("TelemetryDisclosed", {"load": bytes(19) + b"\1"}),
        ("WrongKey", {"sequence": 0}),
        ("SequenceNotHigher", {"sequence": 1}),
        ("TimeNotHigher", {"time_ms": 0}),
    ],
)
def test_a_reading_that_is_no_replacement(
    stewards: Stewards, site: Site, error: str, changed: dict[str, Any]
) -> None:
    refuse(stewards, error, site, replaced_reading(site, **changed))


def test_the_time_has_two_edges(stewards: Stewards, site: Site) -> None:
    stewards.world.await_tick()
    last_ms, now_ms = site.ledger["last_time_ms"], stewards.world.now * 1000
    refuse(stewards, "TimeNotHigher", site, replaced_reading(site, time_ms=last_ms))
    refuse(stewards, "TimeInFuture", site, replaced_reading(site, time_ms=now_ms + 60_001))
    rebase(stewards, site, replaced_reading(site, time_ms=now_ms + 60_000))


def test_a_rebase_is_not_replayed(stewards: Stewards, site: Site) -> None:
    reading = replaced_reading(site)
    rebase(stewards, site, reading)
    refuse(stewards, "SequenceNotHigher", site, reading)


@pytest.mark.clock_jump
def test_between_two_rebases(stewards: Stewards, site: Site) -> None:
    world = stewards.world
    rebase(stewards, site, replaced_reading(site, sequence=10))
    between = replaced_reading(site, sequence=11)
    world.set_time(world.now + 1)
    rebase(stewards, site, replaced_reading(site, sequence=12))
    refuse(stewards, "SignedBeforeRebase", site, between)


def test_another_key(stewards: Stewards, site: Site) -> None:
    refuse(stewards, "WrongKey", site, replaced_reading(site), Device())
    old = stewards.rotate(site, 6)
    refuse(stewards, "WrongKey", site, replaced_reading(site, sequence=6), old)
    rebase(stewards, site, replaced_reading(site, sequence=6))


def test_a_meter_that_is_not_active(stewards: Stewards, site: Site) -> None:
    stewards.suspend(site)
    refuse(stewards, "MeterNotActive", site, replaced_reading(site))


@pytest.mark.forged
def test_only_a_registrar_rebases(stewards: Stewards, site: Site) -> None:
    world, owner = stewards.world, site.owner
    proof = site.device.proof(replaced_reading(site))
    honest = world.addresses.registrar(stewards.grid.registrar.pubkey())
    fake = Pubkey.new_unique()
    real = world.account(world.registry, "Registrar", honest)
    data = world.registry.encode_account("Registrar", real | {"registrar": owner.pubkey()})
    world.put(fake, world.trading.id, data)
    for registrar in (honest, world.addresses.registrar(owner.pubkey()), fake):
        instruction = stewards.rebase_meter(site, registrar_key=owner.pubkey(), registrar=registrar)
        with unchanged(site):
            world.refuse("Unauthorized", proof, instruction, signers=[owner])
    registrar_key = stewards.grid.registrar.pubkey()
    instruction = unsigned(stewards.rebase_meter(site), registrar_key)
    world.refuse("MissingSignature", proof, instruction)


def test_another_meters_accounts(stewards: Stewards, site: Site, grid: Grid) -> None:
    other, proof = grid.site(), site.device.proof(replaced_reading(site))
    addresses, signers = grid.world.addresses, [grid.registrar]
    ledger = addresses.ledger(other.meter_id)
    instruction = stewards.rebase_meter(site, ledger=ledger)
    grid.world.refuse("InvalidAccount", proof, instruction, signers=signers)
    both = stewards.rebase_meter(site, ledger=ledger, meter=addresses.meter(other.meter_id))
    grid.world.refuse("WrongMeter", proof, both, signers=signers)


@pytest.mark.forged
def test_accounts_of_another_program(stewards: Stewards, site: Site) -> None:
    world = stewards.world
    proof = site.device.proof(replaced_reading(site))
    for role, address in (
        ("meter", world.addresses.meter(site.meter_id)),
        ("ledger", world.addresses.ledger(site.meter_id)),
        ("config", world.addresses.energy_config()),
    ):
        fake = Pubkey.new_unique()
        world.put(fake, world.trading.id, world.data(address))
        instruction = stewards.rebase_meter(site, **{role: fake})
        signers = [stewards.grid.registrar]
        world.refuse("InvalidAccount", proof, instruction, signers=signers)
