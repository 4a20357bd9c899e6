"""Buyers make offers, sellers accept them whole or in part; buyers take them back."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hub_world import HubWorld, User, expect, expect_problem
from signers import register
from solders.keypair import Keypair

pytestmark = pytest.mark.asyncio(loop_scope="session")

CREATE, ACCEPT, CANCEL = (f"/api/trading/offers/{step}" for step in ("create", "accept", "cancel"))


async def offered(world: HubWorld, buyer: User, kwh: object, price: object) -> dict[str, Any]:
    body = {"buyer_wallet": buyer.wallet, "amount_kwh": kwh, "price_per_kwh": price}
    return expect(await world.post(CREATE, body, buyer.token), 201)


async def accept(world: HubWorld, seller: User, offer_id: str, kwh: object = None) -> Any:
    body = {"seller_wallet": seller.wallet, "offer_id": offer_id}
    if kwh is not None:
        body["amount_kwh"] = kwh
    return await world.post(ACCEPT, body, seller.token)


async def test_the_seeds_second_method(world: HubWorld) -> None:
    """B offers 2.80 GRX for each of 10 kWh; A accepts."""
    a, b = await world.seller(12), await world.buyer(100)
    offer = await offered(world, b, 10, Decimal("2.8"))
    assert (offer["status"], offer["total_price_grx"]) == ("active", 28)
    assert await world.balances(b) == (0, 72)
    book = expect(await world.get("/api/trading/offers/active", limit=1000), 200)["offers"]
    (shown,) = (entry for entry in book if entry["offer_id"] == offer["offer_id"])
    assert shown["buyer"]["wallet"] == b.wallet
    assert shown["created_at"] == offer["created_at"]

    trade = expect(await accept(world, a, offer["offer_id"]), 200)
    assert (trade["status"], trade["buyer_wallet"]) == ("filled", b.wallet)
    assert (trade["amount_kwh"], trade["total_price_grx"]) == (10, 28)
    assert await world.balances(a) == (2, 28)
    assert await world.balances(b) == (10, 72)
    for user, side in ((a, "sold"), (b, "bought")):
        query = {"user_id": user.user_id}
        (entry,) = expect(await world.get("/api/trading/history", user.token, **query), 200)[
            "transactions"
        ]
        assert (entry["side"], entry["order_id"]) == (side, offer["offer_id"])


async def test_in_parts(world: HubWorld) -> None:
    seller, buyer = await world.seller(2), await world.buyer(10)
    offer = (await offered(world, buyer, 1, Decimal("0.333333")))["offer_id"]
    first = expect(await accept(world, seller, offer, Decimal("0.001")), 200)
    second = expect(await accept(world, seller, offer), 200)
    assert (first["status"], second["status"]) == ("active", "filled")
    assert first["total_price_grx"] + second["total_price_grx"] == Decimal("0.333333")
    shown = expect(await world.get(f"/api/trading/offers/{offer}"), 200)
    assert [fill["wallet"] for fill in shown["fills"]] == [seller.wallet] * 2
    assert (shown["filled_kwh"], shown["remaining_kwh"]) == (1, 0)
    own = expect(await world.get(f"/api/users/{buyer.user_id}/offers", buyer.token), 200)
    assert [entry["offer_id"] for entry in own["offers"]] == [offer]


async def test_taken_back(world: HubWorld) -> None:
    seller, buyer, other = await world.seller(1), await world.buyer(10), await world.user()
    offer = (await offered(world, buyer, 4, 2))["offer_id"]
    expect(await accept(world, seller, offer, 1), 200)
    body = {"buyer_wallet": other.wallet, "offer_id": offer}
    expect_problem(await world.post(CANCEL, body, other.token), 403, "Unauthorized")
    body = {"buyer_wallet": buyer.wallet, "offer_id": offer}
    answer = expect(await world.post(CANCEL, body, buyer.token), 200)
    assert (answer["returned_grx"], answer["status"]) == (6, "cancelled")
    assert await world.balances(buyer) == (1, 8)
    expect_problem(await world.post(CANCEL, body, buyer.token), 409, "InvalidOrder")
    expect_problem(await accept(world, seller, offer), 409, "InvalidOrder")


async def test_what_is_refused(world: HubWorld) -> None:
    seller, buyer = await world.seller(1), await world.buyer(10)
    body = {"buyer_wallet": buyer.wallet, "amount_kwh": 11, "price_per_kwh": 1}
    expect_problem(await world.post(CREATE, body, buyer.token), 409, "InsufficientBalance")
    offer = (await offered(world, buyer, 3, 1))["offer_id"]
    expect_problem(await accept(world, seller, offer), 409, "InsufficientBalance")
    expect_problem(await accept(world, seller, offer, 4), 409, "AmountMismatch")
    expect_problem(await accept(world, buyer, offer), 422, "SelfTradingNotAllowed")
    for nothing in (str(Keypair().pubkey()), str(world.context.addresses.market())):
        expect_problem(await accept(world, seller, nothing), 404, "InvalidOrder")
    body = {"buyer_wallet": buyer.wallet, "offer_id": offer}
    expect_problem(await world.post(CANCEL, body, seller.token), 403, "Forbidden")


async def test_two_sellers_race(world: HubWorld) -> None:
    sellers, buyer = [await world.seller(2), await world.seller(2)], await world.buyer(10)
    offer = (await offered(world, buyer, 2, 1))["offer_id"]
    answers = await asyncio.gather(*(accept(world, seller, offer) for seller in sellers))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await world.balances(buyer) == (2, 8)


async def test_the_book_of_offers(world: HubWorld) -> None:
    """Highest price first, then first come; on pages."""
    buyer = await world.buyer(10)
    for price in ("0.5", "1.5", "1", "1.5"):
        await offered(world, buyer, Decimal("0.1"), Decimal(price))
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = expect(await world.get("/api/trading/offers/active", limit=2, **cursor), 200)
        seen += page["offers"]
        if "next" not in page:
            break
        cursor = {"cursor": page["next"]}
    prices = [entry["price_per_kwh"] for entry in seen]
    assert prices == sorted(prices, reverse=True)
    assert len({entry["offer_id"] for entry in seen}) == len(seen)
    assert sum(entry["buyer"]["wallet"] == buyer.wallet for entry in seen) == 4


async def test_an_owner_with_a_wallet_of_their_own(world: HubWorld) -> None:
    owner = await register(world, "Own wallet", "consumer")
    body: dict[str, Any] = {"user_id": owner.user.user_id, "amount_grx": 5}
    expect(await world.post("/api/treasury/grx", body, world.operator), 201)
    body = {"buyer_wallet": owner.wallet, "amount_kwh": 1, "price_per_kwh": 2}
    offer = expect(await owner.do(CREATE, body), 201)["offer_id"]
    seller = await world.seller(1)
    expect(await accept(world, seller, offer), 200)
    assert await world.balances(owner.user) == (1, 3)
