"""Steps that go as they should, and attempts to cheat that come to nothing."""

from __future__ import annotations

import pytest
from tests.hub.bridge.walk.base import Walk
from tests.hub.bridge.walk.purchase import Paid
from worlds.json_rpc import NodeError

from gridtokenx_hub.bridge.bridge_contract import release_call


async def buy(walk: Walk) -> None:
    await walk.buy()


async def pay(walk: Walk) -> None:
    purchase = await walk.unpaid()
    walk.relay.pay(purchase.answer)
    assert walk.state(purchase) is Paid.LOCKED


async def look(walk: Walk) -> None:
    await walk.chance.choice(walk.guardians).look()


async def mine(walk: Walk) -> None:
    walk.mine(walk.chance.randint(1, 3))


async def hub_round(walk: Walk) -> None:
    await walk.hub_round()


async def comes_to_its_end(walk: Walk) -> None:
    await walk.comes_to(await walk.paid(), Paid.RELEASED)


async def restart_hub(walk: Walk) -> None:
    purchase = await walk.paid()
    await walk.restart_hub()
    await walk.hub_round()
    assert await walk.relay.state(purchase.answer) == "locked"


async def pay_twice(walk: Walk) -> None:
    purchase = await walk.bought_and_paid()
    call = purchase.answer["payment"]["calls"][-1]
    assert walk.relay.baht.refusal(purchase.quote["payer"], call) == "AlreadyPaid"


async def refund_early(walk: Walk) -> None:
    walk.refund_is_too_early(await walk.paid())


async def release_by_one(walk: Walk) -> None:
    """One guardian's signature, twice."""
    purchase = await walk.paid()
    said = await walk.guardians[0].get(f"/releases/{purchase.name}")
    signature = bytes.fromhex(said["signature"][2:]) if said else bytes(65)
    data = release_call(purchase.reservation, [signature] * 2)
    contracts = walk.relay.baht.contracts
    call = {"from": contracts.buyer, "to": contracts.bridge, "data": f"0x{data.hex()}"}
    with pytest.raises(NodeError):
        walk.relay.baht.node.call("eth_call", call, "latest")


WEIGHTS = {
    buy: 4,
    pay: 5,
    look: 8,
    mine: 5,
    hub_round: 6,
    comes_to_its_end: 1,
    restart_hub: 1,
    pay_twice: 1,
    refund_early: 1,
    release_by_one: 1,
}
