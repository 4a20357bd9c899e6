"""registry: register_user."""

import pytest
from grid import Grid, edit_account, other_bump, prefund, with_data
from grid import without_signature as unsigned

MAX_COMPUTE_UNITS = 5_000


@pytest.mark.parametrize("user_type", ["Prosumer", "Consumer"])
def test_registers(started: Grid, user_type: str) -> None:
    world, wallet = started.world, started.world.wallet(0)
    outcome = world.send(started.register_user(wallet.pubkey(), user_type), signers=[wallet])
    user = world.account(world.registry, "User", world.addresses.user(wallet.pubkey()))
    user.pop("bump")
    expected = {"wallet": wallet.pubkey(), "user_type": user_type}
    assert user == expected | {"registered_at": world.sent_at}
    [event] = outcome.events
    assert event.name == "UserRegistered"
    assert event.data == expected | {"sequence": 3, "timestamp": world.sent_at}


def test_is_cheap(started: Grid) -> None:
    units = []
    for _ in range(20):  # an address costs more, the lower its bump
        wallet = started.world.wallet(0)
        outcome = started.world.send(started.register_user(wallet.pubkey()), signers=[wallet])
        units.append(outcome.compute_units)
    assert sorted(units)[len(units) // 2] < MAX_COMPUTE_UNITS


def test_a_wallet_registers_once(started: Grid) -> None:
    wallet = started.user()
    again = started.register_user(wallet.pubkey(), "Consumer")
    started.world.refuse("UserAlreadyRegistered", again, signers=[wallet])


def test_the_wallet_signs(started: Grid) -> None:
    wallet = started.world.wallet().pubkey()
    started.world.refuse("MissingSignature", unsigned(started.register_user(wallet), wallet))


@pytest.mark.parametrize("user_type", [2, 255])
def test_there_is_no_third_type(started: Grid, user_type: int) -> None:
    wallet = started.world.wallet(0)
    instruction = started.register_user(wallet.pubkey())
    data = bytes(instruction.data)[:-1] + bytes([user_type])
    started.world.refuse("InvalidUserType", with_data(instruction, data), signers=[wallet])


def test_a_user_has_one_address(started: Grid) -> None:
    world, wallet = started.world, started.world.wallet(0)
    second = other_bump([b"user", bytes(wallet.pubkey())], world.registry.id)
    another = world.addresses.user(world.wallet(0).pubkey())
    for address in (second, another):
        instruction = started.register_user(wallet.pubkey(), user=address)
        world.refuse("InvalidAccount", instruction, signers=[wallet])


def test_lamports_sent_ahead_do_not_block_it(started: Grid) -> None:
    world, wallet = started.world, started.world.wallet(0)
    address = world.addresses.user(wallet.pubkey())
    prefund(world, address)
    world.send(started.register_user(wallet.pubkey()), signers=[wallet])
    account = world.find(address)
    assert account is not None
    assert account.lamports == world.rent(len(account.data))


def test_more_lamports_than_the_rent_sent_ahead_do_not_block_it(started: Grid) -> None:
    world, wallet = started.world, started.world.wallet(0)
    world.fund(world.addresses.user(wallet.pubkey()), 1_000_000_000)
    world.send(started.register_user(wallet.pubkey()), signers=[wallet])


@pytest.mark.forged
def test_a_configuration_of_another_program_is_refused(started: Grid) -> None:
    world, wallet = started.world, started.world.wallet(0)
    real = world.find(world.addresses.registry_config())
    assert real is not None
    fake = world.wallet(0).pubkey()
    world.put(fake, world.trading.id, bytes(real.data))
    instruction = started.register_user(wallet.pubkey(), config=fake)
    world.refuse("InvalidAccount", instruction, signers=[wallet])


@pytest.mark.forged
def test_the_last_event_number_is_not_passed(started: Grid) -> None:
    world, wallet = started.world, started.world.wallet(0)
    config = world.addresses.registry_config()
    edit_account(world, world.registry, "Config", config, event_sequence=2**64 - 1)
    instruction = started.register_user(wallet.pubkey())
    world.refuse("ArithmeticOverflow", instruction, signers=[wallet])
