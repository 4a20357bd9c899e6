"""Requests of one moment share their statements, and nothing else."""

import asyncio
import itertools

import pytest
from hub_world import HubWorld, expect
from solders.keypair import Keypair

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOGETHER = 12
keys = itertools.count()


async def register(world: HubWorld, body: dict[str, object], key: str) -> dict[str, object]:
    headers = {"Idempotency-Key": key, "Authorization": f"Bearer {world.operator}"}
    response = await world.http.post("/api/users", json=body, headers=headers)
    return {"status": response.status_code, **response.json()}


async def test_users_who_come_together_are_users_of_their_own(world: HubWorld) -> None:
    bodies = [{"name": f"House {n}", "user_type": "consumer"} for n in range(TOGETHER)]
    names = [f"together-{next(keys)}" for _ in bodies]
    first = await asyncio.gather(*map(register, [world] * TOGETHER, bodies, names))
    again = await asyncio.gather(*map(register, [world] * TOGETHER, bodies, names))
    for made in first:
        assert made["status"] == 201, made
    assert len({made["user_id"] for made in first}) == TOGETHER
    assert len({made["wallet"] for made in first}) == TOGETHER
    assert [made["user_id"] for made in again] == [made["user_id"] for made in first]
    for body, made in zip(bodies, first, strict=True):
        me = expect(await world.get("/api/users/me", str(made["token"])), 200)
        assert (me["user_id"], me["name"]) == (made["user_id"], body["name"])


async def test_one_wallet_asked_for_by_many_at_once_has_one_user(world: HubWorld) -> None:
    user = await world.user()
    body = {"name": "Another", "user_type": "consumer", "wallet": user.wallet}
    answers = await asyncio.gather(
        *(register(world, body, f"same-{next(keys)}") for _ in range(TOGETHER))
    )
    assert [answer["status"] for answer in answers] == [409] * TOGETHER
    count = "SELECT count(*) FROM users WHERE wallet = $1"
    assert await world.context.pool.fetchval(count, user.wallet) == 1


async def test_a_wallet_that_nobody_has_signed_for_may_be_asked_for_by_many(
    world: HubWorld,
) -> None:
    body = {"name": "Own", "user_type": "consumer", "wallet": str(Keypair().pubkey())}
    answers = await asyncio.gather(
        *(register(world, body, f"own-{next(keys)}") for _ in range(TOGETHER))
    )
    assert [answer["status"] for answer in answers] == [202] * TOGETHER, answers


async def test_a_refusal_is_told_to_that_request_alone(world: HubWorld) -> None:
    seller = await world.seller(1)

    async def sell(kwh: int, key: str) -> int:
        body = {"seller_wallet": seller.wallet, "amount_kwh": kwh, "price_per_kwh": 1}
        headers = {"Idempotency-Key": key, "Authorization": f"Bearer {seller.token}"}
        response = await world.http.post("/api/trading/orders/create", json=body, headers=headers)
        return response.status_code

    assert sorted(
        await asyncio.gather(*(sell(kwh, f"sell-{next(keys)}") for kwh in (1000, 1, 1000)))
    ) == [201, 409, 409]
