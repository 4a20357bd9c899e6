"""Buying for baht: what is reserved, what is answered, and what is refused."""

import asyncio
import dataclasses
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from baht_world import RATE, Baht, baht_beside, match
from hub_world import HubWorld, User, expect, expect_problem, open_world
from signers import register
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.bridge import Quotes
from gridtokenx_hub.chain import ChainUnavailable

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _die(*_parts: object) -> None:
    raise ChainUnavailable("the process ends here")


async def reserved(baht: Baht, kwh: object = None, price: object = 3) -> tuple[User, Any]:
    """A new order of 4 kWh, and a new buyer's reservation of it or of a part."""
    seller, buyer = await baht.world.seller(4), await baht.world.user(user_type="consumer")
    order = await baht.world.sell(seller, 4, price)
    answer = expect(await match(baht.world, buyer, order["order_id"], kwh), 200)
    return buyer, answer


async def terms(world: HubWorld, reservation_id: str) -> dict[str, Any]:
    account = await world.context.client.account(Pubkey.from_string(reservation_id))
    assert account is not None
    return world.context.programs["trading"].decode_account("Reservation", account.data)


async def test_the_answer_is_what_is_on_chain(baht: Baht) -> None:
    buyer, answer = await reserved(baht, Decimal("1.5"), Decimal("3.000001"))
    on_chain = await terms(baht.world, answer["reservation_id"])
    assert str(on_chain["order"]) == answer["order_id"]
    assert str(on_chain["buyer"]) == answer["buyer_wallet"] == buyer.wallet
    assert answer["amount_kwh"] == Decimal("1.5")
    assert answer["total_price_grx"] == Decimal("4.500002")
    assert answer["total_price_thbc"] == Decimal("45.00002")
    assert answer["rate_thb_per_grx"] == RATE // 1_000_000
    quote = answer["payment"]["quote"]
    assert quote["amount"] == on_chain["payment_micro_thbc"] == 45_000_020
    assert quote["deadline"] == on_chain["pay_deadline"]
    assert quote["solana_wallet"] == f"0x{bytes(on_chain['buyer']).hex()}"
    assert answer["payment"]["bridge"] == baht.contracts.bridge.lower()
    assert answer["payment"]["token"] == baht.contracts.thbc.lower()
    assert answer["payment"]["custody"] == "hub"
    shown = expect(await baht.world.get(f"/api/trading/orders/{answer['order_id']}"), 200)
    assert (shown["status"], shown["remaining_kwh"]) == ("active", Decimal("2.5"))


async def test_asked_for_again_it_is_answered_again(baht: Baht) -> None:
    """The same order, with or without a key, whole or with its amount."""
    buyer, answer = await reserved(baht, 1)
    for kwh in (None, 1):
        again = expect(await match(baht.world, buyer, answer["order_id"], kwh), 200)
        assert again == answer
    count = "SELECT count(*) FROM quotes WHERE buyer_wallet = $1"
    assert await baht.world.pool.fetchval(count, buyer.wallet) == 1


async def test_the_same_request_reserves_once(baht: Baht) -> None:
    seller, buyer = await baht.world.seller(4), await baht.world.user()
    order = await baht.world.sell(seller, 4, 3)
    first = await match(baht.world, buyer, order["order_id"], 1, "once")
    assert expect(await match(baht.world, buyer, order["order_id"], 1, "once"), 200) == expect(
        first, 200
    )


async def test_at_the_same_moment(baht: Baht) -> None:
    """Of two requests one reserves, and both are answered with it."""
    seller, buyer = await baht.world.seller(4), await baht.world.user()
    order = await baht.world.sell(seller, 4, 3)
    answers = await asyncio.gather(
        *(match(baht.world, buyer, order["order_id"], 1) for _ in range(3))
    )
    ids = {expect(answer, 200)["reservation_id"] for answer in answers}
    assert len(ids) == 1


async def test_the_hub_dies_before_it_quotes(baht: Baht, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was reserved by then is quoted when the request comes again, with its key or without."""
    for key in ("a-key", None):
        seller, buyer = await baht.world.seller(4), await baht.world.user()
        order_id = (await baht.world.sell(seller, 4, 3))["order_id"]
        with monkeypatch.context() as dying:
            dying.setattr(Quotes, "make", _die)
            expect_problem(await match(baht.world, buyer, order_id, 1, key), 503)
        answer = expect(await match(baht.world, buyer, order_id, 1, key), 200)
        shown = expect(await baht.world.get(f"/api/trading/orders/{order_id}"), 200)
        assert shown["remaining_kwh"] == 3, "reserved once"
        assert [r["reservation_id"] for r in shown["reservations"]] == [answer["reservation_id"]]


async def test_a_reservation_whose_time_is_over(baht: Baht) -> None:
    """It is not answered again, since nobody can pay for it; it stays open until its release."""
    buyer, answer = await reserved(baht, 1)
    late = dt.datetime.fromisoformat(answer["pay_deadline"]) + dt.timedelta(seconds=1)
    with baht.world.having(clock=lambda: late):
        response = await match(baht.world, buyer, answer["order_id"])
    expect_problem(response, 409, "ReservationOpen")
    assert response.json()["reservation_id"] == answer["reservation_id"]


async def test_another_order_while_one_is_open(baht: Baht) -> None:
    buyer, answer = await reserved(baht, 1)
    seller = await baht.world.seller(1)
    other = await baht.world.sell(seller, 1, 3)
    response = await match(baht.world, buyer, other["order_id"])
    expect_problem(response, 409, "ReservationOpen")
    assert response.json()["reservation_id"] == answer["reservation_id"]
    response = await match(baht.world, buyer, answer["order_id"], 2)
    expect_problem(response, 409, "ReservationOpen")


async def test_a_household_with_a_wallet_of_its_own_signs_nothing(baht: Baht) -> None:
    owner = await register(baht.world, "Own wallet")
    seller = await baht.world.seller(1)
    order = await baht.world.sell(seller, 1, 3)
    response = await match(baht.world, owner.user, order["order_id"])
    expect_problem(response, 409, "NoEvmAccount")
    chosen = {"custody": "hub"}
    expect(await baht.world.post("/api/bridge/account", chosen, owner.user.token), 201)
    answer = expect(await match(baht.world, owner.user, order["order_id"]), 200)
    assert answer["buyer_wallet"] == owner.wallet


async def test_what_cannot_be_reserved(baht: Baht) -> None:
    seller, buyer = await baht.world.seller(2), await baht.world.user()
    order = await baht.world.sell(seller, 1, 3)
    response = await match(baht.world, seller, order["order_id"])
    expect_problem(response, 422, "SelfTradingNotAllowed")
    response = await match(baht.world, buyer, order["order_id"], 2)
    expect_problem(response, 409, "AmountMismatch")
    expect_problem(await match(baht.world, buyer, buyer.wallet), 404, "InvalidOrder")
    body = {"buyer_wallet": buyer.wallet, "order_id": order["order_id"]}
    for method in ("BTC", "thb", 1, None):
        response = await baht.world.post(
            "/api/trading/orders/match", body | {"payment_method": method}, buyer.token
        )
        expect_problem(response, 422, "InvalidRequest")


async def test_for_grx_the_answer_is_as_ever(baht: Baht) -> None:
    seller, buyer = await baht.world.seller(1), await baht.world.buyer(10)
    order = await baht.world.sell(seller, 1, 3)
    body = {
        "buyer_wallet": buyer.wallet,
        "order_id": order["order_id"],
        "payment_method": "GRX",
    }
    answer = expect(await baht.world.post("/api/trading/orders/match", body, buyer.token), 200)
    assert set(answer) == {
        "order_id", "seller_wallet", "buyer_wallet", "amount_kwh", "price_per_kwh",
        "total_price_grx", "status", "tx_signature", "filled_at",
    }  # fmt: skip


async def test_step_by_step(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What each missing part of the market is called, until a sale goes through."""
    async with open_world(postgres_url, tmp_path_factory.mktemp("hub")) as world:
        seller, buyer = await world.seller(2), await world.user()
        order_id = (await world.sell(seller, 2, 3))["order_id"]
        expect_problem(await match(world, buyer, order_id), 409, "BahtNotOffered")
        async with baht_beside(world) as baht:
            expect_problem(await match(world, buyer, order_id), 409, "NoGuardians")
            await baht.appoint_guardians()
            expect_problem(await match(world, buyer, order_id), 409, "StalePrice")
            await baht.post_price()
            other = dataclasses.replace(world.context.keys, treasury=Keypair())
            with world.having(keys=other):
                expect_problem(await match(world, buyer, order_id), 503, "NoBahtSales")
            expect_problem(await match(world, buyer, order_id), 503, "NoBahtSales")
            await baht.fund_treasury(5)
            expect_problem(await match(world, buyer, order_id), 503, "NoBahtSales")
            expect(await match(world, buyer, order_id, 1), 200)
