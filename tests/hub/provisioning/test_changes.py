"""What happens to a registered meter: a new key, a new meter in its place, a new owner, its end."""

import pytest
from hub_world import Device, HubWorld, expect, expect_problem
from installer import BASELINE, CODES, Site, history, installed, issue, rotation, site_for
from solders.pubkey import Pubkey

from gridtokenx_protocol.keys import key_id
from gridtokenx_protocol.record import Flag

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPLACED = BASELINE | Flag.REGISTER_REPLACED


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
    body = rotation(old, site, site.reading(5))
    first = expect(await site.post("rotation", **body), 201)
    assert expect(await site.post("rotation", **body), 201) == first
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
    expect_problem(await site.post("rotation", **body), 409, "CodeUsed")


async def test_an_answer_that_was_lost(world: HubWorld) -> None:
    """The old key counts no more then, and need not."""
    old = await installed(world, await world.user())
    site = await site_for(world, old, "rotate_key")
    await site.claim()
    body = rotation(old, site, site.reading(5))
    first = expect(await site.post("rotation", **body), 201)
    await world.pool.execute(
        "UPDATE provisioning_codes SET tx_signature = NULL WHERE meter_id = $1 AND"
        " purpose = 'rotate_key'",
        old.device.meter_id,
    )
    assert expect(await site.post("rotation", **body), 201) == first
    assert await history(world, old.device.meter_id) == 2


async def test_an_indexer_that_is_behind(world: HubWorld) -> None:
    """The sheet says what the chain says, not what was so before."""
    old = await installed(world, await world.user())
    site = await site_for(world, old, "rotate_key")
    await site.claim()
    expect(await site.post("rotation", **rotation(old, site, site.reading(5))), 201)
    query = "UPDATE meters SET public_key = $2 WHERE meter_id = $1"
    await world.pool.execute(query, site.device.meter_id, old.device.signer.public_key)
    expect_problem(await site.post("done"), 503, "IndexerBehind")
    await world.pool.execute(query, site.device.meter_id, site.device.signer.public_key)
    expect(await site.post("done"), 200)


async def test_who_may_hand_over(world: HubWorld) -> None:
    """The key in force alone, to the key that claimed the code, for this meter, now."""
    old = await installed(world, await world.user())
    site = await site_for(world, old, "rotate_key")
    await site.claim()
    reading = site.reading(5)
    wrong = [
        (rotation(site, site, reading), 422, "BadSignature"),
        (rotation(old, site, reading, _4=bytes(32)), 409, "CodeForAnotherMeter"),
        (rotation(old, site, reading, _2=bytes(16)), 409, "CodeForAnotherMeter"),
        (rotation(old, site, reading, _1=b"abcd"), 422, "WrongDeployment"),
        (rotation(old, site, reading, _3=0), 409, "ClockOff"),
        (rotation(old, site, reading, _4="key"), 422, "Malformed"),
        ({"reading": reading, "handover": reading}, 422, "Malformed"),
        ({"reading": reading}, 422, "InvalidRequest"),
    ]
    for body, status, error in wrong:
        expect_problem(await site.post("rotation", **body), status, error)
    assert await history(world, old.device.meter_id) == 1


async def test_keys_that_do_not_prove_themselves(world: HubWorld) -> None:
    old = await installed(world, await world.user())
    site = await site_for(world, old, "rotate_key")
    response = await site.post("rotation", **rotation(old, site, site.reading(5)))
    expect_problem(response, 409, "CodeNotClaimed")
    await site.claim()
    wrong = [
        (old.reading(5), 422, "BadSignature"),
        (site.reading(5, meter_id=bytes(16)), 409, "CodeForAnotherMeter"),
        (site.reading(1), 409, "SequenceNotHigher"),
        (site.reading(5, deployment=b"abcd"), 422, "WrongDeployment"),
    ]
    for reading, status, error in wrong:
        response = await site.post("rotation", **rotation(old, site, reading))
        expect_problem(response, status, error)
    expect(await site.post("rotation", **rotation(old, site, site.reading(5))), 201)


async def test_the_key_that_is_in_force_is_not_new(world: HubWorld) -> None:
    old = await installed(world, await world.user())
    await old.take("rotate_key")
    response = await old.post("rotation", **rotation(old, old, old.reading(5)))
    expect_problem(response, 409, "KeyNotNew")


async def test_a_replaced_meter(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    await site.take("replace_meter")
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


async def test_a_new_owner(world: HubWorld) -> None:
    seller, buyer = await world.user(), await world.user("New owner")
    site = await installed(world, seller)
    await site.take("transfer", new_user_id=buyer.user_id)
    expect_problem(await site.post("transfer"), 409, "NotSettled")
    await world.settle(seller, site.device, 1000, ahead_s=30)
    first = expect(await site.post("transfer"), 201)
    assert expect(await site.post("transfer"), 201) == first
    assert (await meter_of(world, site))["owner"] == Pubkey.from_string(buyer.wallet)
    sheet = expect(await site.post("done"), 200)
    assert sheet["owner_name"] == "New owner"
    assert sheet["owner_wallet"] == buyer.wallet


async def test_to_the_same_owner(world: HubWorld) -> None:
    owner = await world.user()
    site = await installed(world, owner)
    await site.take("transfer", new_user_id=owner.user_id)
    expect_problem(await site.post("transfer"), 409, "SameOwner")


async def test_readings_of_the_old_meter_come_first(world: HubWorld) -> None:
    """Behind the rebase the chain takes none of them any more."""
    site = await installed(world, await world.user())
    await site.take("replace_meter")
    response = await site.post("replacement", reading=site.reading(3, int(REPLACED)))
    expect_problem(response, 409, "ReadingsMissing")
    settleable = BASELINE | int(Flag.SETTLEMENT)
    await store(world, site, 2, settleable)
    response = await site.post("replacement", reading=site.reading(3, int(REPLACED)))
    expect_problem(response, 409, "NotSettled")
    await world.pool.execute(
        "INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm, signature,"
        " status) VALUES ($1, 2, 1, $2, -8, $3, 'refused')",
        site.device.meter_id,
        bytes(120),
        bytes(64),
    )
    reading = site.reading(3, int(REPLACED))
    expect(await site.post("replacement", reading=reading), 201)


async def store(world: HubWorld, site: Site, sequence: int, flags: int) -> None:
    """Have the hub hold a reading, with all before it."""
    await world.pool.execute(
        "INSERT INTO readings SELECT $1, $2, now(), 1, 0, 0, 0, 0, 0, 0, 0, $3, $4, $4, NULL,"
        " -8, $4, $2, 1",
        site.device.meter_id,
        sequence,
        flags,
        bytes(32),
    )
    await world.pool.execute(
        "INSERT INTO acks (meter_id, sequence, hash) VALUES ($1, $2, $3)",
        site.device.meter_id,
        sequence,
        bytes(32),
    )


async def test_the_end_of_service(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    await site.take("revoke")
    await store(world, site, 2, BASELINE | int(Flag.SETTLEMENT))
    expect_problem(await site.post("decommissioning"), 409, "NotSettled")
    await world.pool.execute("DELETE FROM readings WHERE meter_id = $1", site.device.meter_id)
    first = expect(await site.post("decommissioning"), 201)
    assert expect(await site.post("decommissioning"), 201) == first
    assert (await meter_of(world, site))["status"] == "Revoked"
    sheet = expect(await site.post("done"), 200)
    assert sheet["tx_signature"] == first["tx_signature"]
    assert await history(world, site.device.meter_id) == 2


@pytest.mark.parametrize("purpose", ["replace_meter", "transfer", "revoke"])
async def test_the_device_beside_the_meter_claims(world: HubWorld, purpose: str) -> None:
    buyer = await world.user()
    old = await installed(world, await world.user())
    body = {"new_user_id": buyer.user_id} if purpose == "transfer" else {}
    site = await site_for(world, old, purpose, **body)
    expect_problem(await site.post_claim(), 409, "CodeForAnotherMeter")


@pytest.mark.parametrize(
    ("purpose", "step"), [("transfer", "transfer"), ("revoke", "decommissioning")]
)
async def test_no_device_has_claimed(world: HubWorld, purpose: str, step: str) -> None:
    """Nobody ends what a device has not delivered."""
    old = await installed(world, await world.user())
    body = {"new_user_id": (await world.user()).user_id} if purpose == "transfer" else {}
    site = await site_for(world, old, purpose, **body)
    expect_problem(await site.post(step), 409, "CodeNotClaimed")


async def test_a_code_for_another_meter(world: HubWorld) -> None:
    """It is told before the code is bound to a key."""
    site = await installed(world, await world.user())
    other = await site_for(world, await installed(world, await world.user()), "rotate_key")
    response = await other.post_claim(meter_id=site.meter_id)
    expect_problem(response, 409, "CodeForAnotherMeter")
    other.device = Device(world.context.deployment.deployment)
    expect(await other.post_claim(), 201)


async def test_a_code_for_something_else(world: HubWorld) -> None:
    """It is told before the code is bound to anything."""
    site = await installed(world, await world.user())
    await site.take("replace_meter")
    site.code = (await issue(world, purpose="rotate_key", meter_id=site.meter_id))["code"]
    expect_problem(await site.post_claim(), 409, "WrongPurpose")
    site.purpose = "rotate_key"
    await site.claim()


async def test_no_code_for_a_revoked_meter(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    path = f"/api/meters/{site.meter_id}/revocation"
    expect(await world.post(path, {"reason": "decommissioned"}, world.operator), 201)
    body = {"purpose": "rotate_key", "meter_id": site.meter_id}
    expect_problem(await world.post(CODES, body, world.operator), 409, "MeterRevoked")
