"""Names are for who has signed in; those of a trade for its sides and operators."""

from typing import Any

import pytest
import pytest_asyncio
from hub_world import HubWorld, User, expect, expect_problem

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORDERS, OFFERS = "/api/trading/orders", "/api/trading/offers"
SEEDS_SELLER = {"wallet", "name", "user_type"}


@pytest_asyncio.fixture(loop_scope="session")
async def seller(world: HubWorld) -> User:
    world.http.cookies.clear()  # a stranger has no session of another test
    user = await world.seller(5)
    await world.pool.execute(
        "UPDATE users SET name = 'Named ' || wallet WHERE wallet = $1", user.wallet
    )
    return user


def short(wallet: str) -> str:
    return f"{wallet[:4]}…{wallet[-4:]}"


async def in_list(world: HubWorld, path: str, key: str, entry: str, token: str | None) -> Any:
    answer = expect(await world.get(path, token, limit=1000), 200)
    (found,) = (each for each in answer[path.split("/")[3]] if each[key] == entry)
    return found


async def test_a_seller_in_the_book(world: HubWorld, seller: User) -> None:
    order = (await world.sell(seller, 1, 3))["order_id"]
    reader = await world.user()
    for token, name in (
        (None, short(seller.wallet)),
        (reader.token, f"Named {seller.wallet}"),
        (seller.token, f"Named {seller.wallet}"),
        (world.operator, f"Named {seller.wallet}"),
    ):
        for path in (f"{ORDERS}/active", ORDERS):
            listed = await in_list(world, path, "order_id", order, token)
            assert listed["seller"].keys() == SEEDS_SELLER
            assert listed["seller"]["name"] == name
        one = expect(await world.get(f"{ORDERS}/{order}", token), 200)
        assert one["seller"]["name"] == name


async def test_a_buyer_in_the_book(world: HubWorld) -> None:
    world.http.cookies.clear()
    buyer = await world.buyer(10)
    name = await world.pool.fetchval("SELECT name FROM users WHERE wallet = $1", buyer.wallet)
    body = {"buyer_wallet": buyer.wallet, "amount_kwh": 1, "price_per_kwh": 2}
    offer = expect(await world.post(f"{OFFERS}/create", body, buyer.token), 201)["offer_id"]
    for token, shown in ((None, short(buyer.wallet)), (world.operator, name)):
        listed = await in_list(world, f"{OFFERS}/active", "offer_id", offer, token)
        one = expect(await world.get(f"{OFFERS}/{offer}", token), 200)
        assert listed["buyer"]["name"] == one["buyer"]["name"] == shown


async def test_no_stranger_searches_by_a_name(world: HubWorld, seller: User) -> None:
    await world.sell(seller, 1, 3)
    name = f"named {seller.wallet[:10]}"
    expect_problem(await world.get(ORDERS, seller=name), 401, "Unauthenticated")
    found = expect(await world.get(ORDERS, (await world.user()).token, seller=name), 200)
    assert [order["seller"]["wallet"] for order in found["orders"]] == [seller.wallet]


@pytest.mark.parametrize("path", [f"{ORDERS}/active", ORDERS, f"{OFFERS}/active"])
async def test_a_token_that_is_good_no_more_is_no_strangers(world: HubWorld, path: str) -> None:
    expect_problem(await world.get(path, "gtx_nobody"), 401, "Unauthenticated")


async def test_what_strangers_read_holds_no_name(world: HubWorld, seller: User) -> None:
    buyer = await world.buyer(10)
    await world.pool.execute(
        "UPDATE users SET name = 'Bought ' || wallet WHERE wallet = $1", buyer.wallet
    )
    order = (await world.sell(seller, 1, 3))["order_id"]
    body = {"buyer_wallet": buyer.wallet, "order_id": order}
    expect(await world.post(f"{ORDERS}/match", body, buyer.token), 200)
    for way in ("/api/trading/trades", f"{ORDERS}/{order}", "/", f"/orders/{order}"):
        text = (await world.get(way)).text
        for user in (seller, buyer):
            assert f"Named {user.wallet}" not in text
            assert f"Bought {user.wallet}" not in text
    history = f"/api/trading/history?user_id={seller.user_id}"
    assert f"Bought {buyer.wallet}" in (await world.get(history, seller.token)).text
