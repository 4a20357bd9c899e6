"""The original's worked example, and what the market refuses."""

import asyncio
import datetime as dt
from decimal import Decimal

import pytest
from hub_world import HubWorld, expect, expect_problem
from solders.keypair import Keypair

from gridtokenx_hub.api.transactions.nonces import Nonces

pytestmark = pytest.mark.asyncio(loop_scope="session")

CREATE, MATCH = "/api/trading/orders/create", "/api/trading/orders/match"


async def test_the_worked_example(world: HubWorld) -> None:
    """A has 12 kWh and sells 10 at 3 GRX; B has 100 GRX and buys them."""
    a, b = await world.seller(12), await world.buyer(100)
    order = await world.sell(a, Decimal("10.0"), Decimal("3.0"))
    assert order["status"] == "active"
    assert (order["amount_kwh"], order["price_per_kwh"]) == (10, 3)
    assert order["total_price_grx"] == 30
    assert await world.balances(a) == (2, 0)

    book = expect(await world.get("/api/trading/orders/active"), 200)["orders"]
    shown = next(entry for entry in book if entry["order_id"] == order["order_id"])
    assert shown["seller"]["wallet"] == a.wallet
    assert shown["seller"]["user_type"] == "prosumer"
    assert shown["created_at"] == order["created_at"]
    assert shown["created_at"].endswith("Z")

    body = {"buyer_wallet": b.wallet, "order_id": order["order_id"]}
    trade = expect(await world.post(MATCH, body, b.token), 200)
    assert trade["status"] == "filled"
    assert trade["seller_wallet"] == a.wallet
    assert (trade["amount_kwh"], trade["total_price_grx"]) == (10, 30)
    assert await world.balances(a) == (2, 30)
    assert await world.balances(b) == (10, 70)

    for user, side, other in ((a, "sold", b), (b, "bought", a)):
        answer = expect(
            await world.get("/api/trading/history", user.token, user_id=user.user_id), 200
        )
        (entry,) = answer["transactions"]
        assert entry["side"] == side
        assert entry["counterparty"]["wallet"] == other.wallet
        assert (entry["amount_kwh"], entry["total_grx"]) == (10, 30)
        assert entry["payment_method"] == "GRX"
        assert entry["tx_signature"] == trade["tx_signature"]
        assert entry["timestamp"] == trade["filled_at"]


async def test_numbers_go_out_as_decimals(world: HubWorld) -> None:
    seller = await world.seller(2)
    body = f'{{"seller_wallet": "{seller.wallet}", "amount_kwh": 1.001, "price_per_kwh": 0.000003}}'
    response = await world.post(CREATE, body, seller.token)
    assert response.status_code == 201, response.text
    assert '"amount_kwh":1.001,' in response.text
    assert '"price_per_kwh":0.000003,' in response.text
    assert '"total_price_grx":0.000004,' in response.text, "rounded up to a whole µGRX"


async def test_the_book_is_sorted_by_price(world: HubWorld) -> None:
    seller = await world.seller(5)
    for price in ("2.5", "0.5", "1.5"):
        await world.sell(seller, 1, Decimal(price))
    book = expect(await world.get("/api/trading/orders/active"), 200)["orders"]
    prices = [entry["price_per_kwh"] for entry in book]
    assert prices == sorted(prices)
    assert {Decimal("2.5"), Decimal("0.5"), Decimal("1.5")} <= set(prices)
    first = expect(await world.get("/api/trading/orders/active", limit=1), 200)["orders"]
    assert first == book[:1]


async def test_more_than_the_seller_has(world: HubWorld) -> None:
    seller = await world.seller(1)
    body = {"seller_wallet": seller.wallet, "amount_kwh": 2, "price_per_kwh": 3}
    expect_problem(await world.post(CREATE, body, seller.token), 409, "InsufficientBalance")
    assert await world.balances(seller) == (1, 0)


async def test_more_than_the_buyer_has(world: HubWorld) -> None:
    seller, buyer = await world.seller(10), await world.buyer(29)
    order = await world.sell(seller, 10, 3)
    body = {"buyer_wallet": buyer.wallet, "order_id": order["order_id"]}
    expect_problem(await world.post(MATCH, body, buyer.token), 409, "InsufficientBalance")
    assert await world.balances(buyer) == (0, 29)


async def test_self_trade(world: HubWorld) -> None:
    seller = await world.seller(1)
    order = await world.sell(seller, 1, 1)
    body = {"buyer_wallet": seller.wallet, "order_id": order["order_id"]}
    expect_problem(await world.post(MATCH, body, seller.token), 422, "SelfTradingNotAllowed")


async def test_an_order_is_sold_once(world: HubWorld) -> None:
    seller, first, second = await world.seller(1), await world.buyer(1), await world.buyer(1)
    order = await world.sell(seller, 1, 1)
    for buyer in (first, second):
        body = {"buyer_wallet": buyer.wallet, "order_id": order["order_id"]}
        response = await world.post(MATCH, body, buyer.token)
        if buyer is first:
            expect(response, 200)
        else:
            expect_problem(response, 409, "InvalidOrder")
    book = expect(await world.get("/api/trading/orders/active"), 200)["orders"]
    assert order["order_id"] not in {entry["order_id"] for entry in book}


async def test_orders_that_are_none(world: HubWorld) -> None:
    """No account; another program's; one of the trading program's own that is no order."""
    buyer = await world.buyer(1)
    addresses = world.context.addresses
    for address in (Keypair().pubkey(), addresses.energy_mint(), addresses.market()):
        body = {"buyer_wallet": buyer.wallet, "order_id": str(address)}
        expect_problem(await world.post(MATCH, body, buyer.token), 404, "InvalidOrder")


async def test_two_buyers_race(world: HubWorld) -> None:
    seller = await world.seller(6)
    buyers = [await world.buyer(10), await world.buyer(10)]
    for _ in range(3):
        order = await world.sell(seller, 2, 1)
        bodies = [{"buyer_wallet": b.wallet, "order_id": order["order_id"]} for b in buyers]
        responses = await asyncio.gather(
            *(world.post(MATCH, body, b.token) for body, b in zip(bodies, buyers, strict=True))
        )
        assert sorted(r.status_code for r in responses) == [200, 409]
        loser = next(r for r in responses if r.status_code == 409)
        expect_problem(loser, 409, "InvalidOrder")
    held = [await world.balances(buyer) for buyer in buyers]
    assert sum(energy for energy, _ in held) == 6
    assert sum(grx for _, grx in held) == 14
    assert await world.balances(seller) == (0, 6)


async def test_one_seller_makes_many_orders_at_once(world: HubWorld) -> None:
    """Nonces differ though all of them are drawn in the same millisecond."""
    seller = await world.seller(5)
    now = world.context.clock()
    with world.having(clock=lambda: now):
        orders = await asyncio.gather(*(world.sell(seller, 1, 1) for _ in range(5)))
    assert len({order["order_id"] for order in orders}) == 5
    assert await world.balances(seller) == (0, 0)


async def test_a_nonce_that_is_in_use(world: HubWorld) -> None:
    """The wallet made an order in the same millisecond, through another process."""
    seller = await world.seller(3)
    now = world.context.clock()
    with world.having(clock=lambda: now):
        orders = [await world.sell(seller, 1, 1)]
        for _ in range(2):
            with world.having(nonces=Nonces()):  # knows nothing of those that were drawn
                orders.append(await world.sell(seller, 1, 1))
    assert len({order["order_id"] for order in orders}) == 3
    assert await world.balances(seller) == (0, 0)


@pytest.mark.parametrize("off", [dt.timedelta(minutes=11), dt.timedelta(minutes=-11)])
async def test_a_clock_that_is_wrong(world: HubWorld, off: dt.timedelta) -> None:
    seller = await world.seller(1)
    wrong = world.context.clock() + off
    body = {"seller_wallet": seller.wallet, "amount_kwh": 1, "price_per_kwh": 1}
    with world.having(clock=lambda: wrong):
        expect_problem(await world.post(CREATE, body, seller.token), 503, "ClockSkew")
    assert await world.balances(seller) == (1, 0)
    await world.sell(seller, 1, 1)


async def test_a_price_that_overflows(world: HubWorld) -> None:
    seller = await world.seller(1)
    body = {"seller_wallet": seller.wallet, "amount_kwh": 10**9, "price_per_kwh": 10**6}
    response = await world.post(CREATE, body, seller.token)
    assert response.status_code == 422
    expect_problem(response, 422)


async def test_history_of_nobody(world: HubWorld) -> None:
    expect_problem(
        await world.get("/api/trading/history", world.operator, user_id=10**9), 404, "UnknownUser"
    )
    for bad in ("0", "-1", "x", str(10**30), "1.5", ""):
        expect_problem(await world.get("/api/trading/history", world.operator, user_id=bad), 422)
