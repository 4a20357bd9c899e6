"""registry: register_meter. What a proof must look like is in `common/test_signed_record.py`."""

import hashlib
import os
from typing import Any

import pytest
from grid import DAY_S, LIMITS, Grid, edit_account, other_bump, prefund
from grid import without_signature as unsigned
from harness import SETTLEMENT, SYNCHRONISED, Device, p256_device
from solders.keypair import Keypair
from worlds import Outcome

MAX_COMPUTE_UNITS = 9_000
METER_ID = bytes(range(16))


@pytest.fixture
def owner(started: Grid) -> Keypair:
    return started.user()


def register(grid: Grid, owner: Keypair, baseline: bytes, **changed: Any) -> Outcome:
    return grid.world.send(
        Device().proof(baseline),
        grid.register_meter(owner.pubkey(), baseline[8:24], **changed),
        signers=[grid.registrar, owner],
    )


def refuse(grid: Grid, error: str, owner: Keypair, baseline: bytes, **changed: Any) -> None:
    grid.world.refuse(
        error,
        Device().proof(baseline),
        grid.register_meter(owner.pubkey(), baseline[8:24], **changed),
        signers=[grid.registrar, owner],
    )


@pytest.mark.parametrize("device", [Device(), p256_device()], ids=["ed25519", "p256"])
def test_registers(started: Grid, owner: Keypair, device: Device) -> None:
    world = started.world
    baseline = started.baseline(METER_ID, produced_mwh=5, consumed_mwh=6)
    outcome = world.send(
        device.proof(baseline),
        started.register_meter(owner.pubkey(), METER_ID),
        signers=[started.registrar, owner],
    )
    common = {
        "meter_id": METER_ID,
        "owner": owner.pubkey(),
        "baseline_sequence": 1,
        "baseline_time_ms": (started.boundary - 895) * 1000,
        "baseline_produced_mwh": 5,
        "baseline_consumed_mwh": 6,
        "baseline_surplus_mwh": 0,
        "baseline_hash": hashlib.sha256(baseline).digest(),
    } | LIMITS
    meter = world.account(world.registry, "Meter", world.addresses.meter(METER_ID))
    meter.pop("bump")
    assert meter == common | {
        "status": "Active",
        "deployment": started.deployment,
        "key": device.device_key,
        "previous_key": {"algorithm": 0, "public_key": bytes(33)},
        "previous_key_last_sequence": 0,
        "registered_at": world.sent_at,
    }
    [event] = outcome.events
    assert event.name == "MeterRegistered"
    assert event.data == common | device.device_key | {"sequence": 4, "timestamp": world.sent_at}


def test_is_cheap(started: Grid, owner: Keypair) -> None:
    units = [
        register(started, owner, started.baseline(os.urandom(16))).compute_units
        for _ in range(10)  # an address costs more, the lower its bump
    ]
    assert sorted(units)[len(units) // 2] < MAX_COMPUTE_UNITS


def test_an_id_is_registered_once(started: Grid, owner: Keypair) -> None:
    baseline = started.baseline(METER_ID)
    register(started, owner, baseline)
    refuse(started, "MeterAlreadyRegistered", owner, baseline)


def test_lamports_sent_ahead_do_not_block_it(started: Grid, owner: Keypair) -> None:
    prefund(started.world, started.world.addresses.meter(METER_ID))
    register(started, owner, started.baseline(METER_ID))


@pytest.mark.parametrize("role", ["registrar", "owner"])
def test_registrar_and_owner_sign(started: Grid, owner: Keypair, role: str) -> None:
    missing = owner if role == "owner" else started.registrar
    instruction = unsigned(started.register_meter(owner.pubkey(), METER_ID), missing.pubkey())
    signers = [key for key in (started.registrar, owner) if key != missing]
    proof = Device().proof(started.baseline(METER_ID))
    started.world.refuse("MissingSignature", proof, instruction, signers=signers)


def test_only_a_registrar_registers(started: Grid, owner: Keypair) -> None:
    thief = started.world.wallet(0)
    proof = Device().proof(started.baseline(METER_ID))
    for registrar in (thief.pubkey(), started.registrar.pubkey()):
        instruction = started.register_meter(
            owner.pubkey(),
            METER_ID,
            registrar_key=thief.pubkey(),
            registrar=started.world.addresses.registrar(registrar),
        )
        started.world.refuse("Unauthorized", proof, instruction, signers=[thief, owner])


def test_the_owner_is_a_user(started: Grid, owner: Keypair) -> None:
    stranger = started.world.wallet(0)
    baseline = started.baseline(METER_ID)
    refuse(started, "UserNotRegistered", stranger, baseline)
    another = started.world.addresses.user(owner.pubkey())
    refuse(started, "UserNotRegistered", stranger, baseline, owner_user=another)


@pytest.mark.forged
def test_a_user_of_another_program_is_none(started: Grid, owner: Keypair) -> None:
    world, stranger = started.world, started.world.wallet(0)
    real = world.account(world.registry, "User", world.addresses.user(owner.pubkey()))
    data = world.registry.encode_account("User", real | {"wallet": stranger.pubkey()})
    fake = world.wallet(0).pubkey()
    world.put(fake, world.trading.id, data)
    refuse(started, "UserNotRegistered", stranger, started.baseline(METER_ID), owner_user=fake)


@pytest.mark.clock_jump
def test_the_day_has_a_cap(started: Grid, owner: Keypair) -> None:
    world = started.world
    world.send(started.appoint_registrar(daily_cap=2), signers=[started.authority])
    for _ in range(2):
        register(started, owner, started.baseline(os.urandom(16)))
    refuse(started, "DailyCapReached", owner, started.baseline(METER_ID))
    world.set_time(world.now // DAY_S * DAY_S + DAY_S - 1)
    refuse(started, "DailyCapReached", owner, started.baseline(METER_ID))
    world.set_time(world.now + 1)
    register(started, owner, started.baseline(METER_ID))
    registrar = world.addresses.registrar(started.registrar.pubkey())
    assert world.account(world.registry, "Registrar", registrar)["registered_today"] == 1


def test_a_cap_of_zero_dismisses(started: Grid, owner: Keypair) -> None:
    started.world.send(started.appoint_registrar(daily_cap=0), signers=[started.authority])
    refuse(started, "DailyCapReached", owner, started.baseline(METER_ID))


@pytest.mark.parametrize("limit", sorted(LIMITS))
@pytest.mark.parametrize("value", [0, 2**63, 2**64 - 1])
def test_a_limit_is_a_positive_number(
    started: Grid, owner: Keypair, limit: str, value: int
) -> None:
    refuse(started, "InvalidLimit", owner, started.baseline(METER_ID), limits={limit: value})


@pytest.mark.parametrize("value", [1, 2**63 - 1])
def test_any_positive_limit_is_taken(started: Grid, owner: Keypair, value: int) -> None:
    limits = dict.fromkeys(LIMITS, value)
    register(started, owner, started.baseline(METER_ID), limits=limits)


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        ("WrongDeployment", {"deployment": b"else"}),
        ("NumberOutOfRange", {"sequence": 2**64 - 1}),
        ("NumberOutOfRange", {"produced_mwh": 2**63}),
        ("NumberOutOfRange", {"consumed_mwh": 2**63}),
        ("NumberOutOfRange", {"surplus_mwh": 2**63}),
        ("NumberOutOfRange", {"time_ms": 2**63}),
        ("BaselineNotFirst", {"sequence": 0}),
        ("BaselineNotFirst", {"sequence": 2}),
        ("BaselineHasPrevious", {"previous_hash": bytes(31) + b"\1"}),
        ("BaselineHasSurplus", {"surplus_mwh": 1}),
        ("InvalidFlags", {"flags": SYNCHRONISED | SETTLEMENT}),
        ("InvalidFlags", {"flags": 0}),
        ("InvalidFlags", {"flags": 1}),
        ("InvalidFlags", {"flags": 2}),
        *(("InvalidFlags", {"flags": SYNCHRONISED | 1 << bit}) for bit in range(3, 32)),
        ("TelemetryDisclosed", {"load": b"\1" + bytes(19)}),
        ("TelemetryDisclosed", {"load": bytes(19) + b"\1"}),
    ],
)
def test_a_baseline_is_a_first_reading_of_registers_alone(
    started: Grid, owner: Keypair, error: str, changed: dict[str, Any]
) -> None:
    refuse(started, error, owner, started.baseline(METER_ID, **changed))


def test_registers_may_start_anywhere(started: Grid, owner: Keypair) -> None:
    most = 2**63 - 1
    register(started, owner, started.baseline(METER_ID, produced_mwh=most, consumed_mwh=most))


@pytest.mark.parametrize("seconds", [60, -DAY_S])
def test_a_baseline_is_recent(started: Grid, owner: Keypair, seconds: int) -> None:
    started.world.await_tick()
    edge_ms = (started.world.now + seconds) * 1000
    beyond_ms = edge_ms + (1 if seconds > 0 else -1)
    refuse(started, "TimeOutOfRange", owner, started.baseline(METER_ID, time_ms=beyond_ms))
    register(started, owner, started.baseline(METER_ID, time_ms=edge_ms))


def test_a_meter_has_one_address(started: Grid, owner: Keypair) -> None:
    world = started.world
    second = other_bump([b"meter", METER_ID], world.registry.id)
    another = world.addresses.meter(bytes(16))
    for address in (second, another):
        refuse(started, "InvalidAccount", owner, started.baseline(METER_ID), meter=address)


@pytest.mark.forged
def test_the_last_event_number_is_not_passed(started: Grid, owner: Keypair) -> None:
    world = started.world
    config = world.addresses.registry_config()
    edit_account(world, world.registry, "Config", config, event_sequence=2**64 - 1)
    refuse(started, "ArithmeticOverflow", owner, started.baseline(METER_ID))
