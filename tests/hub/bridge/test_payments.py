"""What becomes of a purchase in baht, as its buyer sees it."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from baht_world import Baht
from hub_world import User, expect, expect_problem
from solders.pubkey import Pubkey
from test_reservations import reserved

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIST = "/api/bridge/payments"
PAY_TIME, HOLD, REFUND = (dt.timedelta(**{unit: n}) for unit, n in
                          (("minutes", 10), ("hours", 2), ("hours", 24)))  # fmt: skip


async def shown(baht: Baht, buyer: User, reservation_id: str) -> dict[str, Any]:
    return expect(await baht.world.get(f"{LIST}/{reservation_id}", buyer.token), 200)


async def tell(baht: Baht, reservation_id: str, state: str) -> None:
    """Write what the bridge's listener does."""
    ended = None if state == "locked" else 9
    await baht.world.pool.execute(
        """
        INSERT INTO payments
        SELECT reservation_id, payer, buyer_wallet, micro_thbc, pay_deadline, $2, 7, '\\x01',
               created_at, $3::bigint, $4, CASE WHEN $3::bigint IS NOT NULL THEN created_at END
          FROM quotes WHERE reservation_id = $1
        ON CONFLICT (reservation_id) DO UPDATE SET
            state = $2, ended_block = $3, ended_transaction = $4, ended_at = excluded.ended_at
        """,
        reservation_id,
        state,
        ended,
        None if ended is None else b"\2",
    )


@asynccontextmanager
async def at(baht: Baht, answer: dict[str, Any], after: dt.timedelta) -> AsyncIterator[None]:
    """The hub's clock stands so long after the quote's deadline."""
    then = dt.datetime.fromisoformat(answer["pay_deadline"]) + after
    with baht.world.having(clock=lambda: then):
        yield


async def on_chain(baht: Baht, reservation_id: str, status: str) -> None:
    """Write what the indexer does when a reservation is over."""
    await baht.world.pool.execute(
        "UPDATE reservations SET status = $2, ended_at = now() WHERE reservation_id = $1",
        reservation_id,
        status,
    )


async def test_from_reserved_to_released(baht: Baht) -> None:
    buyer, answer = await reserved(baht, 1)
    reservation_id = answer["reservation_id"]
    first = await shown(baht, buyer, reservation_id)
    assert first["state"] == "awaiting_payment"
    assert first["payment"] == answer["payment"]
    assert (first["amount_kwh"], first["total_price_grx"], first["total_price_thbc"]) == (1, 3, 30)
    assert first["pay_deadline"] == answer["pay_deadline"]
    await tell(baht, reservation_id, "locked")
    paid = await shown(baht, buyer, reservation_id)
    assert paid["state"] == "paid"
    assert not {"payment", "refund"} & paid.keys()
    assert paid["evm_transaction"] == "0x01"
    deadline = dt.datetime.fromisoformat(answer["pay_deadline"])
    assert dt.datetime.fromisoformat(paid["refundable_from"]) == deadline + REFUND
    await on_chain(baht, reservation_id, "matched")
    delivered = await shown(baht, buyer, reservation_id)
    assert delivered["state"] == "energy_delivered"
    async with at(baht, answer, REFUND * 2):
        later = await shown(baht, buyer, reservation_id)
        assert later["state"] == "energy_delivered"
        assert not {"refund", "refundable_from"} & later.keys()
    await tell(baht, reservation_id, "released")
    assert (await shown(baht, buyer, reservation_id))["state"] == "released"


async def test_not_paid(baht: Baht) -> None:
    buyer, answer = await reserved(baht, 1)
    async with at(baht, answer, dt.timedelta(0)):
        assert (await shown(baht, buyer, answer["reservation_id"]))["state"] == "awaiting_payment"
    async with at(baht, answer, dt.timedelta(seconds=1)):
        late = await shown(baht, buyer, answer["reservation_id"])
        assert late["state"] == "expired_unpaid"
        assert "payment" not in late
    await on_chain(baht, answer["reservation_id"], "released")
    assert (await shown(baht, buyer, answer["reservation_id"]))["state"] == "expired_unpaid"


@pytest.mark.parametrize("how", ["held too long", "released"])
async def test_paid_and_no_energy(baht: Baht, how: str) -> None:
    """The reservation is over: from a day after the deadline, the real bridge gives it back."""
    buyer, answer = await reserved(baht, 1)
    reservation_id, payer = answer["reservation_id"], answer["payment"]["quote"]["payer"]
    await baht.fund(payer)
    for call in answer["payment"]["calls"]:
        baht.send(payer, call)
    await tell(baht, reservation_id, "locked")
    if how == "released":
        await on_chain(baht, reservation_id, "released")
        found = await shown(baht, buyer, reservation_id)
    else:
        async with at(baht, answer, HOLD):
            assert (await shown(baht, buyer, reservation_id))["state"] == "paid"
        async with at(baht, answer, HOLD + dt.timedelta(seconds=1)):
            found = await shown(baht, buyer, reservation_id)
    assert found["state"] == "refundable"
    deadline = dt.datetime.fromisoformat(answer["pay_deadline"])
    assert dt.datetime.fromisoformat(found["refundable_from"]) == deadline + REFUND
    assert baht.refusal(payer, found["refund"]) == "TooEarly"
    snapshot = baht.node.call("evm_snapshot")
    baht.node.call("evm_increaseTime", hex(int((REFUND + PAY_TIME).total_seconds())))
    baht.send(payer, found["refund"])
    assert baht.contracts.state(Pubkey.from_string(reservation_id)) == 3
    baht.node.call("evm_revert", snapshot)
    await tell(baht, reservation_id, "refunded")
    assert (await shown(baht, buyer, reservation_id))["state"] == "refunded"


async def test_ones_own_alone(baht: Baht) -> None:
    buyer, answer = await reserved(baht, 1)
    other = await baht.world.user()
    path = f"{LIST}/{answer['reservation_id']}"
    expect_problem(await baht.world.get(path, other.token), 404, "UnknownPayment")
    assert expect(await baht.world.get(LIST, other.token), 200) == {"payments": []}
    path = f"{LIST}/{answer['order_id']}"
    expect_problem(await baht.world.get(path, buyer.token), 404, "UnknownPayment")


async def test_the_list(baht: Baht) -> None:
    """Newest first, by the page; each as it is alone."""
    buyer, newest = await reserved(baht, 1)
    seller = await baht.world.seller(1)
    order = await baht.world.sell(seller, 1, 3)
    for number in range(4):  # earlier ones, which are over
        await baht.world.pool.execute(
            "INSERT INTO reservations VALUES ($1, $2, $3, 1000, 3000, 30000, now(), now(),"
            " 'released', now(), 'x')",
            f"{number}-{order['order_id'][:30]}",
            order["order_id"],
            buyer.wallet,
        )
        await baht.world.pool.execute(
            "INSERT INTO quotes VALUES ($1, $2, $3, $4, $5, 30000, now(), $6,"
            " '2020-01-01 00:00:00.000001Z')",
            f"{number}-{order['order_id'][:30]}",
            order["order_id"],
            buyer.user_id,
            buyer.wallet,
            bytes(20),
            bytes(65),
        )
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = expect(await baht.world.get(LIST, buyer.token, **query), 200)
        seen += page["payments"]
        cursor = page.get("next")
        if cursor is None:
            break
    assert [each["reservation_id"][:2] for each in seen[1:]] == ["3-", "2-", "1-", "0-"]
    assert seen[0]["reservation_id"] == newest["reservation_id"]
    assert seen[1]["total_price_thbc"] == Decimal("0.03")
    response = await baht.world.get(LIST, buyer.token, cursor="AAAA")
    expect_problem(response, 422)


async def test_without_a_bridge(baht: Baht) -> None:
    user = await baht.world.user()
    with baht.world.having(bridge=None):
        for path in ("account", "payments", f"payments/{user.wallet}"):
            response = await baht.world.get(f"/api/bridge/{path}", user.token)
            expect_problem(response, 409, "BahtNotOffered")
        for path, body in (
            ("account", {"custody": "hub"}),
            ("account/challenges", {"address": f"0x{bytes(20).hex()}"}),
        ):
            response = await baht.world.post(f"/api/bridge/{path}", body, user.token)
            expect_problem(response, 409, "BahtNotOffered")
