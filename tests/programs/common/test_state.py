"""State is what its type and size say: nothing else of the right program passes for it."""

import pytest
from grid import Grid, Site
from solders.pubkey import Pubkey

pytestmark = pytest.mark.forged


@pytest.fixture
def site(grid: Grid) -> Site:
    return grid.site()


def wrong_type(data: bytes) -> bytes:
    """The same state under another type's name."""
    return b"\xff" * 8 + data[8:]


def refuse_at(site: Site, address: Pubkey, *wrong: bytes) -> None:
    """With such data at an address, a settlement that is good otherwise is refused."""
    world = site.grid.world
    account = world.find(address)
    assert account is not None
    good, proof = bytes(account.data), site.device.proof(site.reading())
    for data in wrong:
        world.put(address, account.owner, data)
        world.refuse("InvalidAccount", proof, site.instruction())
    world.put(address, account.owner, good)
    world.send(proof, site.instruction())


def test_what_is_read_has_its_type(site: Site) -> None:
    address = site.grid.world.addresses.meter(site.meter_id)
    refuse_at(site, address, wrong_type(site.grid.world.data(address)))


def test_what_is_written_has_its_type(site: Site) -> None:
    address = site.grid.world.addresses.ledger(site.meter_id)
    refuse_at(site, address, wrong_type(site.grid.world.data(address)))


def test_what_is_read_has_its_size(site: Site) -> None:
    address = site.grid.world.addresses.meter(site.meter_id)
    data = site.grid.world.data(address)
    refuse_at(site, address, data + b"\0", data[:-1])


def test_what_is_written_has_its_size(site: Site) -> None:
    address = site.grid.world.addresses.ledger(site.meter_id)
    data = site.grid.world.data(address)
    refuse_at(site, address, data + b"\0", data[:-1])
