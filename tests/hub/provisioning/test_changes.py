"""What happens to a registered meter: a new key, a new meter in its place, a new owner."""

import pytest
from hub_world import HubWorld, User, expect, expect_problem
from installer import BASELINE, CODES, Site, history, installed, issue
from solders.pubkey import Pubkey

from gridtokenx_protocol.keys import key_id
from gridtokenx_protocol.record import Flag

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPLACED = BASELINE | Flag.REGISTER_REPLACED


async def site_for(world: HubWorld, old: Site, purpose: str, **body: object) -> Site:
    """The same meter with a new code; the device has a new key."""
    issued = await issue(world, purpose=purpose, meter_id=old.meter_id, **body)
    site = Site(world, issued["code"])
    site.device.meter_id = old.device.meter_id
    site.device.produced_mwh = old.device.produced_mwh
    return site


async def meter_of(world: HubWorld, site: Site) -> dict[str, object]:
    account = await world.context.client.account(
        world.context.addresses.meter(site.device.meter_id)
    )
    assert account is not None
    return world.context.programs["registry"].decode_account("Meter", account.data)


async def test_a_new_key(world: HubWorld) -> None:
    old = await installed(world, await world.user())
    site = await site_for(world, old, "rotate_key")
    answer = await site.claim()
    assert answer["meter_id"] == old.meter_id
    assert answer["export_limit_w"] == 5000
    reading = site.reading(5)
    first = expect(await site.post("rotation", reading=reading), 201)
    assert expect(await site.post("rotation", reading=reading), 201) == first
    assert await history(world, old.device.meter_id) == 2
    row = await world.pool.fetchrow(
        "SELECT * FROM meters WHERE meter_id = $1", site.device.meter_id
    )
    assert row is not None
    assert row["public_key"] == site.device.signer.public_key
    assert row["previous_public_key"] == old.device.signer.public_key
    sheet = expect(await site.post("done"), 200)
    assert sheet["key_id"] == key_id(site.device.signer.public_key).hex()
    assert sheet["tx_signature"] == first["tx_signature"]
    expect_problem(await site.post("rotation", reading=reading), 409, "CodeUsed")


async def test_keys_that_do_not_prove_themselves(world: HubWorld) -> None:
    old = await installed(world, await world.user())
    site = await site_for(world, old, "rotate_key")
    response = await site.post("rotation", reading=site.reading(5))
    expect_problem(response, 409, "CodeNotClaimed")
    await site.claim()
    wrong = [
        (old.reading(5), 422, "BadSignature"),
        (site.reading(5, meter_id=bytes(16)), 409, "CodeForAnotherMeter"),
        (site.reading(1), 409, "SequenceNotHigher"),
        (site.reading(5, deployment=b"abcd"), 422, "WrongDeployment"),
    ]
    for reading, status, error in wrong:
        expect_problem(await site.post("rotation", reading=reading), status, error)
    expect(await site.post("rotation", reading=site.reading(5)), 201)


async def test_the_key_that_is_in_force_is_not_new(world: HubWorld) -> None:
    old = await installed(world, await world.user())
    old.code = (await issue(world, purpose="rotate_key", meter_id=old.meter_id))["code"]
    await old.claim()
    expect_problem(await old.post("rotation", reading=old.reading(5)), 409, "KeyNotNew")


async def test_a_replaced_meter(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    site.code = (await issue(world, purpose="replace_meter", meter_id=site.meter_id))["code"]
    await site.claim()
    response = await site.post("replacement", reading=site.reading(2))
    expect_problem(response, 422, "NotReplaced")
    reading = site.reading(2, int(REPLACED), produced_mwh=7)
    first = expect(await site.post("replacement", reading=reading), 201)
    assert expect(await site.post("replacement", reading=reading), 201) == first
    account = await world.context.client.account(
        world.context.addresses.ledger(site.device.meter_id)
    )
    assert account is not None
    ledger = world.context.programs["energy_token"].decode_account("Ledger", account.data)
    assert ledger["produced_mwh"] == 7
    assert ledger["minted_mwh"] == 0


async def test_a_replacement_is_claimed_by_the_device_that_stays(world: HubWorld) -> None:
    old = await installed(world, await world.user())
    site = await site_for(world, old, "replace_meter")
    expect_problem(await site.post_claim(), 409, "CodeForAnotherMeter")


async def test_a_new_owner(world: HubWorld) -> None:
    seller, buyer = await world.user(), await world.user("New owner")
    site = await installed(world, seller)
    site.code = await transfer_code(world, site, buyer)
    expect_problem(await site.post("transfer"), 409, "NotSettled")
    await world.settle(seller, site.device, 1000, ahead_s=30)
    first = expect(await site.post("transfer"), 201)
    assert expect(await site.post("transfer"), 201) == first
    assert (await meter_of(world, site))["owner"] == Pubkey.from_string(buyer.wallet)
    sheet = expect(await site.post("done"), 200)
    assert sheet["owner_name"] == "New owner"
    assert sheet["owner_wallet"] == buyer.wallet


async def transfer_code(world: HubWorld, site: Site, buyer: User) -> str:
    issued = await issue(
        world, purpose="transfer", meter_id=site.meter_id, new_user_id=buyer.user_id
    )
    code: str = issued["code"]
    return code


async def test_to_the_same_owner(world: HubWorld) -> None:
    owner = await world.user()
    site = await installed(world, owner)
    site.code = await transfer_code(world, site, owner)
    expect_problem(await site.post("transfer"), 409, "SameOwner")


async def test_no_code_for_a_revoked_meter(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    path = f"/api/meters/{site.meter_id}/revocation"
    expect(await world.post(path, {"reason": "decommissioned"}, world.operator), 201)
    body = {"purpose": "rotate_key", "meter_id": site.meter_id}
    expect_problem(await world.post(CODES, body, world.operator), 409, "MeterRevoked")
