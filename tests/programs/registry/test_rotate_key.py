"""registry: rotate_key. What a proof must look like is in `common/test_signed_record.py`."""

from typing import Any

import pytest
from grid import DAY_S, INTERVAL_S, Grid, Site, unchanged
from grid import without_signature as unsigned
from harness import SETTLEMENT, SYNCHRONISED, Device, p256_device
from meters import Stewards, ordinary_reading
from solders.keypair import Keypair

GAP = 1 << 3
NO_KEY = {"algorithm": 0, "public_key": bytes(33)}


def refuse(
    stewards: Stewards, error: str, site: Site, reading: bytes, device: Device | None = None
) -> None:
    before = stewards.meter(site)
    stewards.world.refuse(
        error,
        (device or Device()).proof(reading),
        stewards.rotate_key(site),
        signers=[stewards.grid.registrar, site.owner],
    )
    assert stewards.meter(site) == before


@pytest.mark.parametrize("device", [Device(), p256_device()], ids=["ed25519", "p256"])
def test_a_new_key_comes_into_force(stewards: Stewards, site: Site, device: Device) -> None:
    world, before = stewards.world, stewards.meter(site)
    outcome = world.send(
        device.proof(ordinary_reading(site, 6)),
        stewards.rotate_key(site),
        signers=[stewards.grid.registrar, site.owner],
    )
    assert stewards.meter(site) == before | {
        "key": device.device_key,
        "previous_key": site.device.device_key,
        "previous_key_last_sequence": 5,
    }
    [event] = outcome.events
    assert event.name == "KeyRotated"
    assert event.data == device.device_key | {
        "sequence": 5,
        "meter_id": site.meter_id,
        "previous_algorithm": 0,
        "previous_public_key": site.device.device_key["public_key"],
        "previous_key_last_sequence": 5,
        "timestamp": world.sent_at,
    }


@pytest.mark.clock_jump
def test_each_key_is_good_for_its_own_sequences(stewards: Stewards, site: Site) -> None:
    old, world = stewards.rotate(site, 6), stewards.world
    with unchanged(site):
        for device, sequence in ((old, 6), (site.device, 5)):
            reading = site.reading(sequence=sequence)
            world.refuse("WrongKey", device.proof(reading), site.instruction())
    world.send(old.proof(site.reading(sequence=5)), site.instruction())
    world.set_time(world.now + INTERVAL_S)
    site.settle(site.reading(sequence=6))


def test_only_one_key_before_is_remembered(stewards: Stewards, site: Site) -> None:
    first = stewards.rotate(site, 6)
    second = stewards.rotate(site, 9)
    with unchanged(site):
        stewards.world.refuse("WrongKey", first.proof(site.reading(sequence=5)), site.instruction())
    stewards.world.send(second.proof(site.reading(sequence=8)), site.instruction())


def test_a_suspension_is_lifted_and_the_suspended_key_forgotten(
    stewards: Stewards, site: Site
) -> None:
    stewards.suspend(site)
    site.refuse("MeterNotActive", site.reading())
    old = stewards.rotate(site, 6)
    meter = stewards.meter(site)
    assert (meter["status"], meter["previous_key"]) == ("Active", NO_KEY)
    assert meter["previous_key_last_sequence"] == 5
    with unchanged(site):
        reading = site.reading(sequence=5)
        stewards.world.refuse("WrongKey", old.proof(reading), site.instruction())
    site.settle(site.reading(sequence=6))


def test_a_revoked_meter_stays_revoked(stewards: Stewards, site: Site) -> None:
    stewards.revoke(site)
    refuse(stewards, "MeterRevoked", site, ordinary_reading(site, 6))


@pytest.mark.parametrize("sequence", [0, 1])
def test_a_sequence_that_is_not_higher_than_the_baselines(
    stewards: Stewards, site: Site, sequence: int
) -> None:
    refuse(stewards, "SequenceNotHigher", site, ordinary_reading(site, sequence))
    stewards.rotate(site, 2)


def test_a_sequence_that_is_not_higher_than_the_last_rotations(
    stewards: Stewards, site: Site
) -> None:
    stewards.rotate(site, 6)
    for sequence in (5, 6):
        refuse(stewards, "SequenceNotHigher", site, ordinary_reading(site, sequence))
    stewards.rotate(site, 7)


def test_a_rotation_is_not_replayed(stewards: Stewards, site: Site) -> None:
    new = Device()
    reading = ordinary_reading(site, 6)
    stewards.rotate(site, 6, new)
    refuse(stewards, "KeyNotNew", site, reading, new)


def test_a_key_that_is_not_new(stewards: Stewards, site: Site) -> None:
    refuse(stewards, "KeyNotNew", site, ordinary_reading(site, 6), site.device)
    old = stewards.rotate(site, 6)
    refuse(stewards, "KeyNotNew", site, ordinary_reading(site, 9), old)


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        ("WrongDeployment", {"deployment": b"else"}),
        ("WrongMeter", {"meter_id": bytes(16)}),
        ("NumberOutOfRange", {"sequence": 2**64 - 1}),
        ("NumberOutOfRange", {"sequence": 2**63}),
        ("NumberOutOfRange", {"produced_mwh": 2**63}),
        *(("InvalidFlags", {"flags": clock}) for clock in range(3)),
        *(
            ("InvalidFlags", {"flags": SYNCHRONISED | 1 << bit})
            for bit in range(2, 32)
            if 1 << bit != GAP
        ),
        ("TelemetryDisclosed", {"load": bytes(19) + b"\1"}),
    ],
)
def test_a_reading_that_proves_nothing(
    stewards: Stewards, site: Site, error: str, changed: dict[str, Any]
) -> None:
    refuse(stewards, error, site, ordinary_reading(site, **({"sequence": 6} | changed)))


def test_after_a_gap(stewards: Stewards, site: Site) -> None:
    new = Device()
    proof = new.proof(ordinary_reading(site, 6, flags=SYNCHRONISED | GAP))
    signers = [stewards.grid.registrar, site.owner]
    stewards.world.send(proof, stewards.rotate_key(site), signers=signers)


@pytest.mark.parametrize("seconds", [60, -DAY_S])
def test_the_reading_is_recent(stewards: Stewards, site: Site, seconds: int) -> None:
    stewards.world.await_tick()
    edge_ms = (stewards.world.now + seconds) * 1000
    beyond_ms = edge_ms + (1 if seconds > 0 else -1)
    refuse(stewards, "TimeOutOfRange", site, ordinary_reading(site, 6, time_ms=beyond_ms))
    proof = Device().proof(ordinary_reading(site, 6, time_ms=edge_ms))
    signers = [stewards.grid.registrar, site.owner]
    stewards.world.send(proof, stewards.rotate_key(site), signers=signers)


def test_a_settlement_is_no_rotation(stewards: Stewards, site: Site) -> None:
    """What was signed to be settled cannot be used for anything else."""
    reading = ordinary_reading(site, 6, flags=SYNCHRONISED | SETTLEMENT)
    refuse(stewards, "InvalidFlags", site, reading)


@pytest.mark.parametrize("role", ["registrar", "owner"])
def test_registrar_and_owner_sign(stewards: Stewards, site: Site, role: str) -> None:
    grid = stewards.grid
    missing = site.owner if role == "owner" else grid.registrar
    signers = [key for key in (grid.registrar, site.owner) if key != missing]
    proof = Device().proof(ordinary_reading(site, 6))
    instruction = unsigned(stewards.rotate_key(site), missing.pubkey())
    grid.world.refuse("MissingSignature", proof, instruction, signers=signers)


def test_another_owner(stewards: Stewards, site: Site) -> None:
    thief = stewards.grid.user()
    proof = Device().proof(ordinary_reading(site, 6))
    instruction = stewards.rotate_key(site, owner=thief.pubkey())
    signers = [stewards.grid.registrar, thief]
    stewards.world.refuse("Unauthorized", proof, instruction, signers=signers)


def test_another_registrar(stewards: Stewards, site: Site) -> None:
    thief: Keypair = stewards.world.wallet(0)
    proof = Device().proof(ordinary_reading(site, 6))
    for key in (thief.pubkey(), stewards.grid.registrar.pubkey()):
        instruction = stewards.rotate_key(
            site,
            registrar_key=thief.pubkey(),
            registrar=stewards.world.addresses.registrar(key),
        )
        stewards.world.refuse("Unauthorized", proof, instruction, signers=[thief, site.owner])


def test_another_meters_account(stewards: Stewards, site: Site, grid: Grid) -> None:
    other = grid.site()
    proof = Device().proof(ordinary_reading(site, 6))
    instruction = stewards.rotate_key(
        site,
        owner=other.owner.pubkey(),
        meter=grid.world.addresses.meter(other.meter_id),
    )
    signers = [grid.registrar, other.owner]
    grid.world.refuse("WrongMeter", proof, instruction, signers=signers)
