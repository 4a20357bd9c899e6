"""Paying and taking back from the accounts that the hub holds, at the real bridge, once."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from baht_world import Baht
from coincurve import PrivateKey
from hub_world import User, expect, expect_problem
from solders.pubkey import Pubkey
from test_accounts import ask, choose
from test_payments import at, on_chain, tell
from test_reservations import match, reserved

from gridtokenx_hub.bridge.keys import relay_key
from gridtokenx_programs.evm import address_of_key

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCKED, REFUNDED = 1, 3
ETHER_WEI = 10**18
PATIENCE_S = 30
DAY = dt.timedelta(hours=24)


async def step(baht: Baht, buyer: User, answer: Any, name: str, key: str | None = None) -> Any:
    path = f"/api/bridge/payments/{answer['reservation_id']}/{name}"
    return await baht.world.post(path, {}, buyer.token, key)


async def funded(baht: Baht) -> tuple[User, Any]:
    buyer, answer = await reserved(baht, 1)
    await baht.fund(answer["payment"]["quote"]["payer"])
    return buyer, answer


def state(baht: Baht, answer: Any) -> int:
    return baht.contracts.state(Pubkey.from_string(answer["reservation_id"]))


async def count(baht: Baht, answer: Any) -> int:
    sent = "SELECT count(*) FROM evm_transactions WHERE reservation_id = $1"
    return int(await baht.world.pool.fetchval(sent, answer["reservation_id"]))


async def test_paid_once(baht: Baht) -> None:
    """In one transaction, with a permit; repeated it is the same one."""
    buyer, answer = await funded(baht)
    first = expect(await step(baht, buyer, answer, "pay", "pay-it"), 200)
    mined = baht.node.call("eth_getTransactionReceipt", first["evm_transaction"])
    assert mined["status"] == "0x1"
    assert state(baht, answer) == LOCKED
    assert expect(await step(baht, buyer, answer, "pay", "pay-it"), 200) == first
    assert expect(await step(baht, buyer, answer, "pay"), 200) == first
    assert await count(baht, answer) == 1
    await tell(baht, answer["reservation_id"], "locked")
    expect_problem(await step(baht, buyer, answer, "pay"), 409, "PaymentNotDue")


async def test_a_buyer_needs_no_ether(baht: Baht) -> None:
    """The relay's account gives what gas costs, to the bit that is lacking."""
    relay = relay_key(baht.world.folder / "keys")
    baht.node.call("anvil_setBalance", f"0x{address_of_key(relay).hex()}", hex(ETHER_WEI))
    buyer, answer = await funded(baht)
    payer = answer["payment"]["quote"]["payer"]
    baht.node.call("anvil_setBalance", payer, "0x0")
    paid = expect(await step(baht, buyer, answer, "pay"), 200)["evm_transaction"]

    async with asyncio.timeout(PATIENCE_S):
        while baht.node.call("eth_getTransactionReceipt", paid) is None:
            async with baht.world.pool.acquire() as connection:
                await baht.bridge.payer._sender.follow_up(connection, 0)
            await asyncio.sleep(0.01)
    assert state(baht, answer) == LOCKED
    purposes = await baht.world.pool.fetch(
        "SELECT purpose FROM evm_transactions WHERE reservation_id = $1", answer["reservation_id"]
    )
    assert sorted(row["purpose"] for row in purposes) == ["gas", "pay"]


async def test_pressed_twice(baht: Baht) -> None:
    buyer, answer = await funded(baht)
    answers = await asyncio.gather(*(step(baht, buyer, answer, "pay") for _ in range(4)))
    assert {each.status_code for each in answers} <= {200, 409}
    assert 200 in {each.status_code for each in answers}
    assert await count(baht, answer) == 1
    assert state(baht, answer) == LOCKED


async def test_too_little(baht: Baht) -> None:
    """The account has not the baht yet; then it goes."""
    buyer, answer = await reserved(baht, 1)
    expect_problem(await step(baht, buyer, answer, "pay"), 409, "InsufficientBaht")
    await baht.fund(answer["payment"]["quote"]["payer"])
    expect(await step(baht, buyer, answer, "pay"), 200)


async def test_the_bridge_would_not_take_it(baht: Baht) -> None:
    """It has reached its cap: nothing is sent that would only cost gas."""
    buyer, answer = await funded(baht)
    for cap, status in ((0, 409), (10**15, 200)):
        baht.contracts._send(baht.contracts.bridge, "setLockedCap(uint256)", ["uint256"], [cap])
        response = await step(baht, buyer, answer, "pay")
        assert response.status_code == status, response.text
        if status == 409:
            expect_problem(response, 409, "PaymentRefused")
            assert await count(baht, answer) == 0


async def test_after_the_deadline(baht: Baht) -> None:
    buyer, answer = await funded(baht)
    async with at(baht, answer, dt.timedelta(seconds=1)):
        expect_problem(await step(baht, buyer, answer, "pay"), 409, "PaymentNotDue")
    assert await count(baht, answer) == 0


async def test_from_an_account_of_their_own(baht: Baht) -> None:
    """The hub has no key that could pay."""
    seller, buyer, key = await baht.world.seller(1), await baht.world.user(), PrivateKey()
    expect(await choose(baht.world, buyer, key, await ask(baht.world, buyer, key)), 201)
    order = await baht.world.sell(seller, 1, 3)
    answer = expect(await match(baht.world, buyer, order["order_id"]), 200)
    expect_problem(await step(baht, buyer, answer, "pay"), 409, "AccountNotHeld")


async def test_anothers(baht: Baht) -> None:
    _, answer = await funded(baht)
    other = await baht.world.user()
    for name in ("pay", "refund"):
        expect_problem(await step(baht, other, answer, name), 404, "UnknownPayment")
    assert await count(baht, answer) == 0


async def test_refunded(baht: Baht) -> None:
    """When the energy has not come: not before the time, and then to the account that paid."""
    buyer, answer = await funded(baht)
    payer = answer["payment"]["quote"]["payer"]
    expect(await step(baht, buyer, answer, "pay"), 200)
    expect_problem(await step(baht, buyer, answer, "refund"), 409, "RefundNotDue")
    await tell(baht, answer["reservation_id"], "locked")
    expect_problem(await step(baht, buyer, answer, "refund"), 409, "RefundNotDue")
    await on_chain(baht, answer["reservation_id"], "released")
    expect_problem(await step(baht, buyer, answer, "refund"), 409, "RefundNotDue")
    before = baht.contracts.balance(payer)
    snapshot = baht.node.call("evm_snapshot")
    baht.node.call("evm_increaseTime", hex(int(DAY.total_seconds()) + 700))
    baht.node.call("evm_mine")
    await baht.world.pool.execute(
        "UPDATE quotes SET pay_deadline = pay_deadline - interval '25 hours'"
        " WHERE reservation_id = $1",
        answer["reservation_id"],
    )
    first = expect(await step(baht, buyer, answer, "refund"), 200)
    assert expect(await step(baht, buyer, answer, "refund"), 200) == first
    assert state(baht, answer) == REFUNDED
    assert baht.contracts.balance(payer) - before == 30_000_000
    baht.node.call("evm_revert", snapshot)
