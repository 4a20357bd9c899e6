"""registry: transfer_meter and set_energy_token."""

import pytest
from grid import INTERVAL_S, Grid, Site, other_bump, prefund
from grid import without_signature as unsigned
from meters import Stewards
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import World


@pytest.fixture
def linked(stewards: Stewards) -> Stewards:
    """The registry knows the energy-token program."""
    stewards.world.send(stewards.set_energy_token(), signers=[stewards.grid.authority])
    return stewards


@pytest.fixture
def site(stewards: Stewards) -> Site:
    """A meter of which no whole interval is unsettled."""
    return stewards.grid.fresh_site()


@pytest.fixture
def heir(linked: Stewards) -> Keypair:
    return linked.grid.user()


def signers(stewards: Stewards, site: Site, heir: Keypair) -> list[Keypair]:
    return [stewards.grid.registrar, site.owner, heir]


def refuse(stewards: Stewards, error: str, site: Site, heir: Keypair, **changed: Pubkey) -> None:
    before = stewards.meter(site)
    instruction = stewards.transfer_meter(site, heir.pubkey(), **changed)
    asked = {meta.pubkey for meta in instruction.accounts if meta.is_signer}
    keys = [key for key in signers(stewards, site, heir) if key.pubkey() in asked]
    stewards.world.refuse(error, instruction, signers=keys)
    assert stewards.meter(site) == before


def test_a_settled_meter_goes_to_another_owner(linked: Stewards, heir: Keypair) -> None:
    world, site = linked.world, linked.grid.site()
    site.settle(site.reading())
    before = linked.meter(site)
    instruction = linked.transfer_meter(site, heir.pubkey())
    [event] = world.send(instruction, signers=signers(linked, site, heir)).events
    assert linked.meter(site) == before | {"owner": heir.pubkey()}
    assert event.name == "MeterTransferred"
    assert event.data == {
        "sequence": 7,
        "meter_id": site.meter_id,
        "previous_owner": site.owner.pubkey(),
        "owner": heir.pubkey(),
        "timestamp": world.sent_at,
    }


@pytest.mark.clock_jump
def test_energy_goes_to_whoever_owned_the_meter(linked: Stewards, heir: Keypair) -> None:
    """What was settled before the transfer is the old owner's, what comes after is not."""
    world, site = linked.world, linked.grid.site()
    site.settle(site.reading())
    instruction = linked.transfer_meter(site, heir.pubkey())
    world.send(instruction, signers=signers(linked, site, heir))
    minted = world.balance(site.token)
    assert minted
    world.set_time(world.now + INTERVAL_S)
    site.refuse("InvalidTokenAccount", site.reading())
    token = world.put_tokens(world.addresses.energy_mint(), heir.pubkey())
    world.send(site.device.proof(site.reading()), site.instruction(owner_token=token))
    assert (world.balance(site.token), world.balance(token)) == (minted, minted)


@pytest.mark.clock_jump
def test_a_whole_interval_is_unsettled(linked: Stewards, heir: Keypair) -> None:
    site = linked.grid.site()
    site.settle(site.reading())
    world = linked.world
    world.set_time(world.now + INTERVAL_S)
    refuse(linked, "NotSettled", site, heir)
    world.set_time(world.now - 1)
    instruction = linked.transfer_meter(site, heir.pubkey())
    world.send(instruction, signers=signers(linked, site, heir))


@pytest.mark.forged
def test_a_ledger_of_another_program(linked: Stewards, site: Site, heir: Keypair) -> None:
    world, fake = linked.world, Pubkey.new_unique()
    ledger = site.ledger | {"last_time_ms": 2**62}
    world.put(fake, world.trading.id, world.energy_token.encode_account("Ledger", ledger))
    refuse(linked, "InvalidAccount", site, heir, ledger=fake)


def test_another_meters_ledger(linked: Stewards, site: Site, heir: Keypair, grid: Grid) -> None:
    ledger = grid.world.addresses.ledger(grid.site().meter_id)
    refuse(linked, "InvalidAccount", site, heir, ledger=ledger)


@pytest.mark.forged
def test_a_link_of_another_program(linked: Stewards, site: Site, heir: Keypair) -> None:
    world, fake = linked.world, Pubkey.new_unique()
    world.put(fake, world.trading.id, world.data(linked.world.addresses.energy_token_link()))
    refuse(linked, "InvalidAccount", site, heir, energy_token=fake)


def test_before_the_program_is_known(stewards: Stewards, site: Site, grid: Grid) -> None:
    refuse(stewards, "InvalidAccount", site, grid.user())


def test_the_new_owner_is_a_user(linked: Stewards, site: Site, heir: Keypair) -> None:
    stranger = linked.world.wallet(0)
    refuse(linked, "UserNotRegistered", site, stranger)
    known = linked.world.addresses.user(heir.pubkey())
    refuse(linked, "UserNotRegistered", site, stranger, new_owner_user=known)


def test_only_the_owner_gives(linked: Stewards, site: Site, heir: Keypair) -> None:
    thief = linked.grid.user()
    instruction = linked.transfer_meter(site, heir.pubkey(), owner=thief.pubkey())
    linked.world.refuse("Unauthorized", instruction, signers=[linked.grid.registrar, thief, heir])


def test_to_oneself(linked: Stewards, site: Site) -> None:
    refuse(linked, "SameOwner", site, site.owner)


def test_a_registrar_takes_part(linked: Stewards, site: Site, heir: Keypair) -> None:
    for registrar in (heir.pubkey(), linked.grid.registrar.pubkey()):
        refuse(
            linked,
            "Unauthorized",
            site,
            heir,
            registrar_key=heir.pubkey(),
            registrar=linked.world.addresses.registrar(registrar),
        )


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_all_three_sign(linked: Stewards, site: Site, heir: Keypair, missing: int) -> None:
    keys = signers(linked, site, heir)
    key = keys.pop(missing)
    instruction = unsigned(linked.transfer_meter(site, heir.pubkey()), key.pubkey())
    linked.world.refuse("MissingSignature", instruction, signers=keys)


def test_a_meter_that_is_not_active(linked: Stewards, site: Site, heir: Keypair) -> None:
    linked.suspend(site)
    refuse(linked, "MeterNotActive", site, heir)
    linked.revoke(site)
    refuse(linked, "MeterRevoked", site, heir)


def test_the_program_is_told_once(stewards: Stewards) -> None:
    world, authority = stewards.world, stewards.grid.authority
    [event] = world.send(stewards.set_energy_token(), signers=[authority]).events
    link = world.account(
        world.registry, "EnergyToken", stewards.world.addresses.energy_token_link()
    )
    assert link["program"] == world.energy_token.id
    assert event.name == "EnergyTokenSet"
    assert event.data == {"sequence": 3, "energy_token_program": world.energy_token.id}
    again = stewards.set_energy_token(energy_token_program=world.trading.id)
    world.refuse("EnergyTokenAlreadySet", again, signers=[authority])


def test_only_the_authority_tells(stewards: Stewards) -> None:
    thief = stewards.world.wallet()
    instruction = stewards.set_energy_token(authority=thief.pubkey())
    stewards.world.refuse("Unauthorized", instruction, signers=[thief])
    authority = stewards.grid.authority.pubkey()
    stewards.world.refuse("MissingSignature", unsigned(stewards.set_energy_token(), authority))


def test_what_is_told_is_a_program(stewards: Stewards) -> None:
    wallet = stewards.world.wallet().pubkey()
    instruction = stewards.set_energy_token(energy_token_program=wallet)
    stewards.world.refuse("InvalidAccount", instruction, signers=[stewards.grid.authority])


def test_the_link_has_one_address(stewards: Stewards, world: World) -> None:
    prefund(world, stewards.world.addresses.energy_token_link())
    wrong = other_bump([b"energy_token"], world.registry.id)
    instruction = stewards.set_energy_token(energy_token=wrong)
    world.refuse("InvalidAccount", instruction, signers=[stewards.grid.authority])
    world.send(stewards.set_energy_token(), signers=[stewards.grid.authority])
