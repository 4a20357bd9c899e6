"""The same request twice has the effect of once, also when the hub dies in between."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from crashes import Crash
from hub_world import HubWorld, User, expect, expect_problem

from gridtokenx_hub.chain import TransactionSender

pytestmark = pytest.mark.asyncio(loop_scope="session")

CREATE, MATCH = "/api/trading/orders/create", "/api/trading/orders/match"
GRX = "/api/treasury/grx"


def selling(user: User, kwh: object) -> dict[str, Any]:
    return {"seller_wallet": user.wallet, "amount_kwh": kwh, "price_per_kwh": Decimal("1.50")}


async def test_the_first_answer_comes_again(world: HubWorld) -> None:
    seller = await world.seller(3)
    first = expect(await world.post(CREATE, selling(seller, 1), seller.token, "k"), 201)
    again = expect(await world.post(CREATE, selling(seller, 1), seller.token, "k"), 201)
    assert again == first
    assert await world.balances(seller) == (2, 0)
    other = expect(await world.post(CREATE, selling(seller, 1), seller.token, "l"), 201)
    assert other["order_id"] != first["order_id"]


async def test_a_refusal_comes_again(world: HubWorld) -> None:
    seller = await world.seller(1)
    for _ in range(2):
        response = await world.post(CREATE, selling(seller, 2), seller.token, "k")
        expect_problem(response, 409, "InsufficientBalance")


async def test_another_request_with_the_key(world: HubWorld) -> None:
    seller = await world.seller(2)
    expect(await world.post(CREATE, selling(seller, 1), seller.token, "k"), 201)
    response = await world.post(CREATE, selling(seller, 2), seller.token, "k")
    expect_problem(response, 422, "IdempotencyKeyReused")
    body = {"buyer_wallet": seller.wallet, "order_id": seller.wallet}
    response = await world.post(MATCH, body, seller.token, "k")
    expect_problem(response, 422, "IdempotencyKeyReused")


async def test_keys_belong_to_their_token(world: HubWorld) -> None:
    first, second = await world.seller(1), await world.seller(1)
    one = expect(await world.post(CREATE, selling(first, 1), first.token, "k"), 201)
    two = expect(await world.post(CREATE, selling(second, 1), second.token, "k"), 201)
    assert one["seller_wallet"] != two["seller_wallet"]


async def test_while_the_first_is_under_way(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller = await world.seller(2)
    sending, go_on = asyncio.Event(), asyncio.Event()
    deliver = TransactionSender.deliver

    async def held(self: TransactionSender, prepared: Any) -> Any:
        sending.set()
        await go_on.wait()
        return await deliver(self, prepared)

    monkeypatch.setattr(TransactionSender, "deliver", held)
    first = asyncio.create_task(world.post(CREATE, selling(seller, 1), seller.token, "k"))
    await sending.wait()
    response = await world.post(CREATE, selling(seller, 1), seller.token, "k")
    expect_problem(response, 409, "RequestInProgress")
    go_on.set()
    expect(await first, 201)
    assert await world.balances(seller) == (1, 0)


async def test_the_same_user(world: HubWorld) -> None:
    body = {"name": "Twice", "user_type": "prosumer"}
    first = expect(await world.post("/api/users", body, world.operator, "same-user"), 201)
    again = expect(await world.post("/api/users", body, world.operator, "same-user"), 201)
    assert (again["user_id"], again["wallet"]) == (first["user_id"], first["wallet"])
    for answer in (first, again):
        me = expect(await world.get("/api/users/me", answer["token"]), 200)
        assert me["user_id"] == first["user_id"]
    count = await world.pool.fetchval("SELECT count(*) FROM users WHERE name = 'Twice'")
    assert count == 1


@pytest.mark.parametrize("when", ["before_sending", "after_sending"])
async def test_one_order_after_a_crash(world: HubWorld, crash: Crash, when: str) -> None:
    seller = await world.seller(2)
    getattr(crash, when)()
    response = await world.post(CREATE, selling(seller, 1), seller.token, "k")
    expect_problem(response, 503, "ChainUnavailable")
    assert response.headers["retry-after"]
    crash.restart()
    expect(await world.post(CREATE, selling(seller, 1), seller.token, "k"), 201)
    assert await world.balances(seller) == (1, 0)


@pytest.mark.parametrize("when", ["before_sending", "after_sending"])
async def test_one_trade_after_a_crash(world: HubWorld, crash: Crash, when: str) -> None:
    """The second try answers with the trade of the first, not with 'order is filled'."""
    seller, buyer = await world.seller(1), await world.buyer(5)
    order = await world.sell(seller, 1, 2)
    body = {"buyer_wallet": buyer.wallet, "order_id": order["order_id"]}
    getattr(crash, when)()
    expect_problem(await world.post(MATCH, body, buyer.token, "k"), 503)
    crash.restart()
    trade = expect(await world.post(MATCH, body, buyer.token, "k"), 200)
    assert (trade["amount_kwh"], trade["total_price_grx"]) == (1, 2)
    assert await world.balances(buyer) == (1, 3)


@pytest.mark.parametrize("when", ["before_sending", "after_sending"])
async def test_grx_is_minted_once_after_a_crash(world: HubWorld, crash: Crash, when: str) -> None:
    user = await world.user()
    body = {"user_id": user.user_id, "amount_grx": 7}
    getattr(crash, when)()
    expect_problem(await world.post(GRX, body, world.operator, f"crash-{when}"), 503)
    crash.restart()
    expect(await world.post(GRX, body, world.operator, f"crash-{when}"), 201)
    assert await world.balances(user) == (0, 7)


@pytest.mark.parametrize("when", ["before_sending", "after_sending"])
async def test_one_user_after_a_crash(world: HubWorld, crash: Crash, when: str) -> None:
    body = {"name": f"Crashed {when}", "user_type": "consumer"}
    getattr(crash, when)()
    expect_problem(
        await world.post("/api/users", body, world.operator, body["name"][:7] + when), 503
    )
    crash.restart()
    key = body["name"][:7] + when
    user = expect(await world.post("/api/users", body, world.operator, key), 201)
    rows = await world.pool.fetch("SELECT id FROM users WHERE name = $1", body["name"])
    assert [row["id"] for row in rows] == [user["user_id"]]
    answer = expect(await world.get(f"/api/users/{user['user_id']}/balances", user["token"]), 200)
    assert answer["grx"] == 0
