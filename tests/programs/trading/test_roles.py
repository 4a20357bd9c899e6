"""trading: update_price, set_guardians, set_authority, pause and resume."""

from typing import Any

import pytest
from bridge import BRIDGE, CHAIN_ID, RATE, Bridge
from exchange import Exchange
from grid import other_bump, prefund, with_accounts, with_data, without_signature
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

MAX_COMPUTE_UNITS = 6_000
MAXIMUM_RATE = 10**12
LAST = 2**63 - 1
U64_MAX = 2**64 - 1
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ROLES = ["Authority", "Treasury", "Oracle", "Pauser"]


@pytest.fixture
def closed(exchange: Exchange) -> Bridge:
    """A market whose roles are the authority's, with neither price nor guardians."""
    bridge = Bridge(exchange)
    bridge.oracle = bridge.authority
    return bridge


def keys(count: int) -> list[Pubkey]:
    return [Pubkey.new_unique() for _ in range(count)]


def simple(bridge: Bridge, name: str, signer: Keypair, **changed: Pubkey) -> Instruction:
    """`pause` or `resume`."""
    role = {"pause": "pauser", "resume": "authority"}[name]
    accounts = {"market": bridge.addresses.market(), role: signer.pubkey()}
    return bridge.program.instruction(name, {}, accounts | changed)


def price(bridge: Bridge) -> dict[str, Any]:
    return bridge.world.account(bridge.program, "Price", bridge.addresses.price())


def guardians(bridge: Bridge) -> dict[str, Any]:
    return bridge.world.account(bridge.program, "Guardians", bridge.addresses.guardians())


def refuse(bridge: Bridge, error: str, instruction: Instruction, signer: Keypair) -> None:
    before = bridge.exchange.market()
    bridge.world.refuse(error, instruction, signers=[signer])
    assert bridge.exchange.market() == before


# Price


@pytest.mark.clock_jump
def test_the_oracle_posts_a_price(closed: Bridge) -> None:
    world = closed.world
    for sequence, rate in ((2, RATE), (3, RATE + 1)):
        world.set_time(world.now + 60)
        outcome = closed.post_price(rate)
        posted = price(closed)
        bump = posted.pop("bump")
        assert posted == {"rate_micro_thb_per_grx": rate, "updated_at": world.sent_at}
        [event] = outcome.events
        assert event.name == "PriceUpdated"
        assert event.data == {
            "sequence": sequence,
            "rate_micro_thb_per_grx": rate,
            "timestamp": world.sent_at,
        }
        assert outcome.compute_units < MAX_COMPUTE_UNITS
    address = Pubkey.create_program_address([b"price", bytes([bump])], closed.program.id)
    assert address == closed.addresses.price()


def test_rates_are_sane(closed: Bridge) -> None:
    for rate in (0, MAXIMUM_RATE + 1, U64_MAX):
        refuse(closed, "InvalidRate", closed.update_price(rate), closed.authority)
    for rate in (1, MAXIMUM_RATE):
        closed.post_price(rate)
        assert price(closed)["rate_micro_thb_per_grx"] == rate


def test_only_the_oracle_posts(bridge: Bridge) -> None:
    for thief in (Keypair(), bridge.authority, bridge.treasury):
        refuse(bridge, "Unauthorized", bridge.update_price(oracle=thief.pubkey()), thief)
    unsigned = without_signature(bridge.update_price(), bridge.oracle.pubkey())
    bridge.world.refuse("MissingSignature", unsigned)


# Guardians


def test_the_authority_puts_guardians_in_office(closed: Bridge) -> None:
    for epoch in (1, 2):
        chosen = keys(5)
        outcome = closed.world.send(closed.set_guardians(chosen, 3), signers=[closed.authority])
        expected = {
            "epoch": epoch,
            "threshold": 3,
            "count": 5,
            "guardians": (*chosen, *[Pubkey.default()] * 4),
            "evm_chain_id": CHAIN_ID,
            "bridge": BRIDGE,
        }
        found = guardians(closed)
        bump = found.pop("bump")
        assert found == expected
        [event] = outcome.events
        assert event.name == "GuardiansSet"
        assert event.data == expected | {"sequence": 1 + epoch}
    address = Pubkey.create_program_address([b"guardians", bytes([bump])], closed.program.id)
    assert address == closed.addresses.guardians()


@pytest.mark.parametrize(
    ("count", "threshold", "works"),
    [
        (0, 0, False),
        (0, 1, False),
        (1, 0, False),
        (1, 1, True),
        (1, 2, False),
        (2, 1, False),
        (2, 2, True),
        (3, 1, False),
        (3, 2, True),
        (4, 2, False),
        (4, 3, True),
        (9, 4, False),
        (9, 5, True),
        (9, 9, True),
        (9, 10, False),
        (5, 255, False),
    ],
)
def test_more_than_half_must_sign(closed: Bridge, count: int, threshold: int, works: bool) -> None:
    instruction = closed.set_guardians(keys(count), threshold)
    if works:
        closed.world.send(instruction, signers=[closed.authority])
        return
    refuse(closed, "InvalidGuardians", instruction, closed.authority)


def test_guardians_are_different_and_somebody(closed: Bridge) -> None:
    a, b, c = keys(3)
    nobody = Pubkey.default()
    for wrong in ([a, b, a], [a, a, b], [a, b, b], [a, nobody, c], [nobody, b, c], [a, b, nobody]):
        refuse(closed, "InvalidGuardians", closed.set_guardians(wrong, 2), closed.authority)


def test_the_count_is_that_of_the_keys(closed: Bridge) -> None:
    nine = keys(9)
    for count in (8, 10, 255):  # a key that does not count, keys that are not there
        instruction = closed.set_guardians(nine, 6, count=count)
        refuse(closed, "InvalidGuardians", instruction, closed.authority)
    missing = closed.set_guardians(keys(3), 3, count=4)
    refuse(closed, "InvalidGuardians", missing, closed.authority)


def test_there_is_a_bridge_on_a_chain(closed: Bridge) -> None:
    for wrong in ({"evm_chain_id": 0}, {"evm_chain_id": LAST + 1}, {"bridge": bytes(20)}):
        instruction = closed.set_guardians(keys(3), 2, **wrong)  # type: ignore[arg-type]  # one of each kind
        refuse(closed, "InvalidGuardians", instruction, closed.authority)


def test_only_the_authority_chooses_guardians(bridge: Bridge) -> None:
    for thief in (Keypair(), bridge.treasury, bridge.oracle):
        stolen = bridge.set_guardians(keys(3), 2, authority=thief.pubkey())
        refuse(bridge, "Unauthorized", stolen, thief)
    unsigned = without_signature(bridge.set_guardians(), bridge.authority.pubkey())
    bridge.world.refuse("MissingSignature", unsigned)


# Roles


@pytest.mark.parametrize("role", ROLES)
def test_the_authority_hands_out_a_role(exchange: Exchange, role: str) -> None:
    bridge, new = Bridge(exchange), Keypair()
    before = exchange.market()
    outcome = bridge.world.send(
        bridge.set_authority(role, new.pubkey()), signers=[bridge.authority, new]
    )
    changed = {role.lower(): new.pubkey(), "event_sequence": 2}
    assert exchange.market() == before | changed
    [event] = outcome.events
    assert event.name == "AuthoritySet"
    assert event.data == {
        "sequence": 2,
        "role": role,
        "previous_holder": bridge.authority.pubkey(),
        "new_holder": new.pubkey(),
    }
    again = bridge.set_authority("Oracle", bridge.authority.pubkey())
    if role == "Authority":
        refuse(bridge, "Unauthorized", again, bridge.authority)
        successor = bridge.set_authority(
            "Oracle", bridge.authority.pubkey(), authority=new.pubkey()
        )
        bridge.world.send(successor, signers=[new, bridge.authority])
    else:
        stolen = bridge.set_authority(role, new.pubkey(), authority=new.pubkey())
        refuse(bridge, "Unauthorized", stolen, new)


@pytest.mark.parametrize("role", ROLES)
def test_old_and_new_holder_sign(bridge: Bridge, role: str) -> None:
    new = Keypair()
    instruction = bridge.set_authority(role, new.pubkey())
    refuse(
        bridge, "MissingSignature", without_signature(instruction, new.pubkey()), bridge.authority
    )
    unsigned = without_signature(instruction, bridge.authority.pubkey())
    refuse(bridge, "MissingSignature", unsigned, new)


def test_there_are_four_roles(bridge: Bridge) -> None:
    instruction = bridge.set_authority("Oracle", bridge.authority.pubkey())
    data = bytearray(instruction.data)
    data[8] = 4
    refuse(bridge, "InvalidArguments", with_data(instruction, bytes(data)), bridge.authority)


# Pause


def test_the_pauser_stops_and_the_authority_resumes(bridge: Bridge) -> None:
    world, pauser = bridge.world, Keypair()
    world.send(bridge.set_authority("Pauser", pauser.pubkey()), signers=[bridge.authority, pauser])
    sequence = bridge.exchange.market()["event_sequence"]
    [event] = world.send(simple(bridge, "pause", pauser), signers=[pauser]).events
    assert (event.name, event.data) == (
        "Paused",
        {"sequence": sequence + 1, "pauser": pauser.pubkey(), "timestamp": world.sent_at},
    )
    assert bridge.exchange.market()["paused"] is True
    refuse(bridge, "Unauthorized", simple(bridge, "resume", pauser), pauser)
    resumed = world.send(simple(bridge, "resume", bridge.authority), signers=[bridge.authority])
    [event] = resumed.events
    assert (event.name, event.data) == (
        "Resumed",
        {
            "sequence": sequence + 2,
            "authority": bridge.authority.pubkey(),
            "timestamp": world.sent_at,
        },
    )
    assert bridge.exchange.market()["paused"] is False
    world.send(simple(bridge, "pause", bridge.authority), signers=[bridge.authority])
    assert bridge.exchange.market()["paused"] is True


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_nobody_else_pauses_or_resumes(bridge: Bridge, name: str) -> None:
    for thief in (Keypair(), bridge.treasury, bridge.oracle):
        refuse(bridge, "Unauthorized", simple(bridge, name, thief), thief)
    unsigned = without_signature(simple(bridge, name, bridge.authority), bridge.authority.pubkey())
    bridge.world.refuse("MissingSignature", unsigned)


# What all have in common


def instructions(bridge: Bridge) -> dict[str, tuple[Instruction, Keypair]]:
    return {
        "update_price": (bridge.update_price(), bridge.oracle),
        "set_guardians": (bridge.set_guardians(), bridge.authority),
        "set_authority": (
            bridge.set_authority("Oracle", bridge.authority.pubkey()),
            bridge.authority,
        ),
        "pause": (simple(bridge, "pause", bridge.authority), bridge.authority),
        "resume": (simple(bridge, "resume", bridge.authority), bridge.authority),
    }


NAMES = ["update_price", "set_guardians", "set_authority", "pause", "resume"]


@pytest.mark.parametrize("name", NAMES)
def test_the_shape_is_checked(bridge: Bridge, name: str) -> None:
    instruction, signer = instructions(bridge)[name]
    metas, data = list(instruction.accounts), bytes(instruction.data)
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        refuse(bridge, "WrongNumberOfAccounts", with_accounts(instruction, wrong), signer)
    wrong_data = [data + b"\0"] + ([data[:-1]] if len(data) > 8 else [])
    for wrong_bytes in wrong_data:
        refuse(bridge, "InvalidArguments", with_data(instruction, wrong_bytes), signer)


@pytest.mark.forged
@pytest.mark.parametrize("name", NAMES)
def test_fixed_accounts_and_the_market_are_checked(bridge: Bridge, name: str) -> None:
    instruction, signer = instructions(bridge)[name]
    metas = list(instruction.accounts)
    world, forged = bridge.world, Pubkey.new_unique()
    world.put(forged, world.registry.id, world.data(bridge.addresses.market()))
    wrong_places = [(0, forged), (-1, TOKEN_2022), (-2, TOKEN_2022)]
    if name in ("update_price", "set_guardians"):
        wrong_places.append((4, TOKEN_2022))  # the system program
    for place, wrong in wrong_places:
        replaced = [*metas]
        meta = metas[place]
        replaced[place] = type(meta)(wrong, meta.is_signer, meta.is_writable)
        refuse(bridge, "InvalidAccount", with_accounts(instruction, replaced), signer)


@pytest.mark.parametrize("name", ["update_price", "set_guardians"])
def test_who_pays_signs(closed: Bridge, name: str) -> None:
    payer = closed.world.wallet()
    make: Any = getattr(closed, name)
    unpaid = without_signature(make(payer=payer.pubkey()), payer.pubkey())
    refuse(closed, "MissingSignature", unpaid, closed.authority)


@pytest.mark.forged
@pytest.mark.parametrize("name", ["update_price", "set_guardians"])
def test_each_account_has_one_address(closed: Bridge, name: str) -> None:
    kind = "price" if name == "update_price" else "guardians"
    addresses = closed.addresses
    make: Any = getattr(closed, name)
    second = other_bump([kind.encode()], closed.program.id)
    for wrong in (second, Pubkey.new_unique()):
        refuse(closed, "InvalidAccount", make(**{kind: wrong}), closed.authority)
    prefund(closed.world, getattr(addresses, kind)())
    closed.world.send(make(), signers=[closed.authority])
    closed.world.send(closed.update_price(), closed.set_guardians(), signers=[closed.authority])
    other = addresses.guardians() if kind == "price" else addresses.price()
    refuse(closed, "InvalidAccount", make(**{kind: other}), closed.authority)
    forged = Pubkey.new_unique()
    data = closed.world.data(getattr(addresses, kind)())
    closed.world.put(forged, closed.world.registry.id, data)
    refuse(closed, "InvalidAccount", make(**{kind: forged}), closed.authority)
