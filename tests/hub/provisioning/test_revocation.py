"""A meter that is revoked stays so: on chain and at the hub, whoever repeats it."""

import pytest
from hub_world import HubWorld, User, expect, expect_problem
from installer import history, installed

from gridtokenx_hub.api.access.auth import create_token

pytestmark = pytest.mark.asyncio(loop_scope="session")

STOLEN = {"reason": "stolen"}


def path(meter_id: str) -> str:
    return f"/api/meters/{meter_id}/revocation"


async def test_an_operator_revokes(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    first = expect(await world.post(path(site.meter_id), STOLEN, world.operator, "key"), 201)
    for key in ("key", "other", None):
        again = await world.post(path(site.meter_id), STOLEN, world.operator, key)
        assert expect(again, 201) == first
    assert first["meter_id"] == site.meter_id
    assert await history(world, site.device.meter_id) == 2
    account = await world.context.client.account(
        world.context.addresses.meter(site.device.meter_id)
    )
    assert account is not None
    meter = world.context.programs["registry"].decode_account("Meter", account.data)
    assert meter["status"] == "Revoked"
    why = await world.pool.fetchval(
        "SELECT reason FROM provisioning_codes WHERE meter_id = $1 AND purpose = 'revoke'",
        site.device.meter_id,
    )
    assert why == "stolen"
    status = await world.pool.fetchval(
        "SELECT status FROM meters WHERE meter_id = $1", site.device.meter_id
    )
    assert status == "revoked", "from here on ingest refuses it"


async def test_its_owner_revokes(world: HubWorld) -> None:
    owner = await world.user()
    site = await installed(world, owner)
    answer = await world.post(path(site.meter_id), {"reason": "decommissioned"}, owner.token)
    expect(answer, 201)


async def test_who_may_not(world: HubWorld) -> None:
    site = await installed(world, await world.user())
    stranger: User = await world.user()
    installer = await create_token(world.pool, "installer")
    for token in (stranger.token, installer):
        expect_problem(await world.post(path(site.meter_id), STOLEN, token), 403, "Forbidden")
    expect_problem(await world.post(path(site.meter_id), STOLEN), 401, "Unauthenticated")
    assert await history(world, site.device.meter_id) == 1


async def test_what_is_not_there(world: HubWorld) -> None:
    response = await world.post(path("00" * 16), STOLEN, world.operator)
    expect_problem(response, 404, "UnknownMeter")
    expect_problem(await world.post(path("xy"), STOLEN, world.operator), 422, "InvalidRequest")
    site = await installed(world, await world.user())
    for body in ({}, {"reason": "bored"}):
        response = await world.post(path(site.meter_id), body, world.operator)
        expect_problem(response, 422, "InvalidRequest")


async def test_a_broker_that_does_not_follow(world: HubWorld) -> None:
    """The chain has revoked it all the same, and repeating brings the broker along."""

    class Deaf:
        async def apply(self) -> None:
            raise TimeoutError

    site = await installed(world, await world.user())
    with world.having(exclusion=Deaf()):
        response = await world.post(path(site.meter_id), STOLEN, world.operator)
        expect_problem(response, 503, "BrokerNotFollowing")
    expect(await world.post(path(site.meter_id), STOLEN, world.operator), 201)
    assert await history(world, site.device.meter_id) == 2
