"""Energy tokens are used up against what a meter consumed beyond its own production."""

import pytest
from hub_world import Device, HubWorld, User, expect, expect_problem
from signers import register, signed_by

pytestmark = pytest.mark.asyncio(loop_scope="session")

KWH = 1_000_000


def path(device: Device) -> str:
    return f"/api/meters/{device.meter_id.hex()}/redemption"


async def consumer(world: HubWorld, user: User) -> Device:
    """A meter that exported 2 kWh and imported 5: it minted 2 and lacks 5."""
    device = await world.meter(user)
    device.consumed_mwh += 5 * KWH
    await world.settle(user, device, 2 * KWH)
    return device


async def test_redeem(world: HubWorld) -> None:
    user = await world.user()
    device = await consumer(world, user)
    for _ in range(2):  # the same key, the same effect
        answer = expect(
            await world.post(path(device), {"amount_kwh": 1}, user.token, f"redeem-{user.wallet}"),
            201,
        )
    assert (answer["amount_kwh"], answer["redeemed_kwh"], answer["deficit_kwh"]) == (1, 1, 5)
    assert await world.balances(user) == (1, 0)
    expect_problem(
        await world.post(path(device), {"amount_kwh": 2}, user.token), 409, "InsufficientBalance"
    )
    expect_problem(
        await world.post(path(device), {"amount_kwh": 6}, user.token), 409, "DeficitExceeded"
    )
    assert await world.balances(user) == (1, 0)


async def test_nothing_recorded(world: HubWorld) -> None:
    user = await world.user()
    device = await world.meter(user)
    await world.settle(user, device, 2 * KWH)
    expect_problem(
        await world.post(path(device), {"amount_kwh": 1}, user.token), 409, "DeficitExceeded"
    )


async def test_only_the_owner(world: HubWorld) -> None:
    user, other = await world.user(), await world.user()
    device = await consumer(world, user)
    for token in (other.token, world.operator):
        expect_problem(await world.post(path(device), {"amount_kwh": 1}, token), 403, "Forbidden")


@pytest.mark.parametrize("kwh", [0, -1, "1", None])
async def test_amounts_that_are_none(world: HubWorld, kwh: object) -> None:
    user = await world.user()
    device = await world.meter(user)
    expect_problem(
        await world.post(path(device), {"amount_kwh": kwh}, user.token), 422, "InvalidRequest"
    )


async def test_an_owner_with_a_wallet_of_their_own(world: HubWorld) -> None:
    owner = await register(world, "Own wallet")
    device = Device(world.context.deployment.deployment)
    body = device.registration(owner.user.user_id)
    offer = expect(await world.post("/api/meters", body, world.operator), 202)
    signed = signed_by(owner.keypair, offer)
    expect(await world.post("/api/meters", body, world.operator, signed=signed), 201)
    device.consumed_mwh += 5 * KWH
    await world.settle(owner.user, device, 2 * KWH)
    expect(await owner.do(path(device), {"amount_kwh": 2}), 201)
    assert await world.balances(owner.user) == (0, 0)
