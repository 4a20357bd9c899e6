"""Orders in parts, cancelled, and with an expiry; what each looks like afterwards."""

import asyncio
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hub_world import HubWorld, User, expect, expect_problem
from signers import register
from solders.keypair import Keypair

pytestmark = pytest.mark.asyncio(loop_scope="session")

CREATE, MATCH, CANCEL = (f"/api/trading/orders/{step}" for step in ("create", "match", "cancel"))


async def details(world: HubWorld, order_id: str) -> dict[str, Any]:
    return expect(await world.get(f"/api/trading/orders/{order_id}"), 200)


async def buy(world: HubWorld, buyer: User, order_id: str, kwh: object = None) -> Any:
    body = {"buyer_wallet": buyer.wallet, "order_id": order_id}
    if kwh is not None:
        body["amount_kwh"] = kwh
    return await world.post(MATCH, body, buyer.token)


async def test_in_parts(world: HubWorld) -> None:
    """The parts of an order cost together what it costs whole."""
    seller, buyer = await world.seller(2), await world.buyer(10)
    price = Decimal("1.000001")
    order = await world.sell(seller, 1, price)
    paid = Decimal(0)
    for part, status in (("0.001", "active"), ("0.333", "active"), (None, "filled")):
        trade = expect(await buy(world, buyer, order["order_id"], part and Decimal(part)), 200)
        assert trade["status"] == status
        paid += trade["total_price_grx"]
    assert trade["amount_kwh"] == Decimal("0.666")
    assert paid == price
    assert await world.balances(buyer) == (1, 10 - price)
    assert await world.balances(seller) == (1, price)

    shown = await details(world, order["order_id"])
    assert (shown["status"], shown["remaining_kwh"], shown["filled_kwh"]) == ("filled", 0, 1)
    assert [fill["amount_kwh"] for fill in shown["fills"]] == [
        Decimal("0.666"), Decimal("0.333"), Decimal("0.001"),
    ]  # fmt: skip
    assert {fill["wallet"] for fill in shown["fills"]} == {buyer.wallet}
    assert shown["fills"][0]["timestamp"] == shown["filled_at"] == trade["filled_at"]
    query = {"order_id": order["order_id"], "limit": 2}
    trades = expect(await world.get("/api/trading/trades", **query), 200)
    assert [each["total_grx"] for each in trades["trades"]] == [
        fill["total_grx"] for fill in shown["fills"][:2]
    ]
    rest = await world.get("/api/trading/trades", **query, cursor=trades["next"])
    assert expect(rest, 200)["trades"][0]["tx_signature"] == shown["fills"][2]["tx_signature"]


async def test_what_an_order_shows(world: HubWorld) -> None:
    seller, buyer = await world.seller(5), await world.buyer(10)
    order = await world.sell(seller, 4, 2)
    expect(await buy(world, buyer, order["order_id"], 1), 200)
    shown = await details(world, order["order_id"])
    assert shown["seller"]["wallet"] == seller.wallet
    assert (shown["amount_kwh"], shown["filled_kwh"], shown["remaining_kwh"]) == (4, 1, 3)
    assert (shown["remaining_price_grx"], shown["status"]) == (6, "active")
    assert shown["reservations"] == []
    payers = {str(key.pubkey()) for key in world.context.keys.fee_payers}
    assert shown["rent_payer"] in payers
    escrow = expect(await world.get(f"/api/explorer/accounts/{shown['escrow']}", buyer.token), 200)
    assert escrow["fields"]["amount"] == 3_000_000


@pytest.mark.parametrize(("kwh", "error"), [("3", "AmountMismatch"), ("2.001", "AmountMismatch")])
async def test_more_than_there_is(world: HubWorld, kwh: str, error: str) -> None:
    seller, buyer = await world.seller(2), await world.buyer(10)
    order = await world.sell(seller, 2, 1)
    expect_problem(await buy(world, buyer, order["order_id"], Decimal(kwh)), 409, error)
    assert await world.balances(buyer) == (0, 10)


@pytest.mark.parametrize("kwh", [0, -1, Decimal("0.0001"), "1", Decimal(10**12)])
async def test_parts_that_are_none(world: HubWorld, kwh: object) -> None:
    buyer = await world.buyer(1)
    expect_problem(await buy(world, buyer, buyer.wallet, kwh), 422, "InvalidRequest")


async def test_cancel(world: HubWorld) -> None:
    seller, buyer = await world.seller(3), await world.buyer(10)
    order = await world.sell(seller, 3, 1)
    expect(await buy(world, buyer, order["order_id"], 1), 200)
    body = {"seller_wallet": seller.wallet, "order_id": order["order_id"]}
    for _ in range(2):  # the same key answers the same
        answer = expect(await world.post(CANCEL, body, seller.token, "cancel"), 200)
        assert (answer["returned_kwh"], answer["reserved_kwh"]) == (2, 0)
        assert answer["status"] == "cancelled"
    assert await world.balances(seller) == (2, 1)
    expect_problem(await world.post(CANCEL, body, seller.token), 409, "InvalidOrder")
    expect_problem(await buy(world, buyer, order["order_id"]), 409, "InvalidOrder")
    shown = await details(world, order["order_id"])
    assert (shown["status"], shown["remaining_kwh"]) == ("cancelled", 0)


async def test_cancel_what_is_anothers(world: HubWorld) -> None:
    """Neither in the seller's name nor in one's own."""
    seller, other = await world.seller(1), await world.user()
    order = (await world.sell(seller, 1, 1))["order_id"]
    body = {"seller_wallet": seller.wallet, "order_id": order}
    expect_problem(await world.post(CANCEL, body, other.token), 403, "Forbidden")
    expect_problem(await world.post(CANCEL, body, world.operator), 403, "Forbidden")
    body = {"seller_wallet": other.wallet, "order_id": order}
    expect_problem(await world.post(CANCEL, body, other.token), 403, "Unauthorized")
    body = {"seller_wallet": other.wallet, "order_id": str(Keypair().pubkey())}
    expect_problem(await world.post(CANCEL, body, other.token), 404, "InvalidOrder")
    assert (await details(world, order))["status"] == "active"


async def test_cancel_and_match_race(world: HubWorld) -> None:
    """One of them happens, and nothing is lost."""
    seller, buyer = await world.seller(3), await world.buyer(10)
    for _ in range(3):
        order = (await world.sell(seller, 1, 1))["order_id"]
        body = {"seller_wallet": seller.wallet, "order_id": order}
        answers = await asyncio.gather(
            world.post(CANCEL, body, seller.token), buy(world, buyer, order)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
    (sold, got), (bought, left) = await world.balances(seller), await world.balances(buyer)
    assert (sold + bought, got + left) == (3, 10)
    assert got == bought


async def test_expiry(world: HubWorld) -> None:
    """It is in the book until then, and cannot be bought after."""
    seller, buyer = await world.seller(2), await world.buyer(10)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1, milliseconds=1)
    body = {
        "seller_wallet": seller.wallet,
        "amount_kwh": 1,
        "price_per_kwh": 1,
        "expires_at": soon.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    order = expect(await world.post(CREATE, body, seller.token), 201)
    shown = await details(world, order["order_id"])
    assert shown["expires_at"] == (soon + dt.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    later = soon + dt.timedelta(seconds=2)
    with world.having(clock=lambda: later):
        book = expect(await world.get("/api/trading/orders/active", limit=1000), 200)["orders"]
        assert order["order_id"] not in {entry["order_id"] for entry in book}
    expect(await buy(world, buyer, order["order_id"]), 200)


@pytest.mark.parametrize(
    ("when", "error"),
    [
        ("2020-01-01T00:00:00Z", "InvalidExpiry"), ("tomorrow", "InvalidRequest"),
        ("2030-02-30T00:00:00Z", "InvalidRequest"), ("2030-01-01T00:00:00", "InvalidRequest"),
        ("2030-01-01T00:00:00+07:00", "InvalidRequest"), (1_900_000_000, "InvalidRequest"),
        ("9999-12-31T23:59:60Z", "InvalidRequest"), ("", "InvalidRequest"),
    ],
)  # fmt: skip
async def test_expiries_that_are_none(world: HubWorld, when: object, error: str) -> None:
    seller = await world.seller(1)
    body = {
        "seller_wallet": seller.wallet,
        "amount_kwh": 1,
        "price_per_kwh": 1,
        "expires_at": when,
    }
    expect_problem(await world.post(CREATE, body, seller.token), 422, error)


async def test_an_owner_with_a_wallet_of_their_own(world: HubWorld) -> None:
    """Buys a part and signs it by themselves."""
    seller, owner = await world.seller(2), await register(world, "Own wallet", "consumer")
    body: dict[str, Any] = {"user_id": owner.user.user_id, "amount_grx": 5}
    expect(await world.post("/api/treasury/grx", body, world.operator), 201)
    order = (await world.sell(seller, 2, 1))["order_id"]
    body = {"buyer_wallet": owner.wallet, "order_id": order, "amount_kwh": 1}
    assert expect(await owner.do(MATCH, body), 200)["status"] == "active"
    assert await world.balances(owner.user) == (1, 4)
