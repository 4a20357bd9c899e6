"""Both chains under a random walk; after each step the design's invariant 5 holds.

Purchases, payments, looks of single guardians, rounds of the hub, reorgs, restarts and attempts to
cheat come in an order that the seed decides; a model knows which purchase may be where.
"""

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from hub_world import open_world
from relay_world import DAY_S, RelayWorld, job_of, relaying
from solders.pubkey import Pubkey
from worlds.json_rpc import NodeError

from gridtokenx_hub.audit import audit
from gridtokenx_hub.audit.bridge_reader import BridgeReader
from gridtokenx_hub.bridge.bridge_contract import release_call
from gridtokenx_hub.bridge.calldata import refund

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEPS = 60
PURCHASES = 8
LOCKED, RELEASED, REFUNDED = 1, 2, 3
PATIENCE_S = 30


@dataclass
class Walk:
    """The walk so far: each purchase by its reservation, and what it has come to."""

    relay: RelayWorld
    reader: BridgeReader
    chance: random.Random
    bought: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, set[int]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    async def buy(self) -> None:
        if len(self.bought) < PURCHASES:
            _, _, answer = await self.relay.purchase(kwh=1)
            self.bought[answer["reservation_id"]] = answer
            self.seen[answer["reservation_id"]] = {0}

    async def pay(self) -> None:
        if answer := self.one(0):
            self.relay.pay(answer)

    async def look(self) -> None:
        await self.chance.choice(self.relay.guardians).look()

    async def mine(self) -> None:
        self.relay.baht.contracts.mine(self.chance.randint(1, 3))

    async def round(self) -> None:
        async with self.relay.world.pool.acquire() as connection:
            await self.relay.job.round(connection)

    async def reorg(self) -> None:
        """A payment that the hub has seen never was; nothing that is final is taken back."""
        answer = self.one(0)
        snapshot = self.relay.baht.node.call("evm_snapshot")
        if answer:
            self.relay.pay(answer)
        await self.round()
        self.relay.baht.node.call("evm_revert", snapshot)
        self.relay.baht.contracts.mine(1)
        await self.round()
        if answer:
            assert await self.relay.state(answer) is None

    async def restart(self) -> None:
        """The hub's job begins anew, as after a kill."""
        await self.relay.job.aclose()
        self.relay.job = job_of(self.relay.world, self.relay.settings)

    async def pay_twice(self) -> None:
        if answer := self.one(LOCKED, RELEASED):
            payment = answer["payment"]
            refusal = self.relay.baht.refusal(payment["quote"]["payer"], payment["calls"][-1])
            assert refusal == "AlreadyPaid"

    async def refund_early(self) -> None:
        if answer := self.one(0, LOCKED, RELEASED):
            self.refused(refund(bytes(Pubkey.from_string(answer["reservation_id"]))))

    async def release_by_one(self) -> None:
        """One guardian's signature, twice."""
        if answer := self.one(LOCKED, RELEASED):
            path = f"/releases/{answer['reservation_id']}"
            said = await self.relay.guardians[0].get(path)
            signature = bytes.fromhex(said["signature"][2:]) if said else bytes(65)
            self.refused(
                release_call(Pubkey.from_string(answer["reservation_id"]), [signature] * 2)
            )

    def refused(self, data: bytes) -> None:
        contracts = self.relay.baht.contracts
        call = {"from": contracts.buyer, "to": contracts.bridge, "data": f"0x{data.hex()}"}
        with pytest.raises(NodeError):
            self.relay.baht.node.call("eth_call", call, "latest")

    def state(self, reservation: str) -> int:
        return self.relay.baht.contracts.state(Pubkey.from_string(reservation))

    def one(self, *states: int) -> dict[str, Any] | None:
        """Any purchase that is in one of these states at the bridge."""
        found = [name for name in self.bought if self.state(name) in states]
        return self.bought[self.chance.choice(found)] if found else None

    async def holds(self) -> None:
        """Invariant 5, by the chains and by the audit that operators have."""
        contracts, locked = self.relay.baht.contracts, 0
        for name, answer in self.bought.items():
            state = self.state(name)
            self.seen[name].add(state)
            assert not {RELEASED, REFUNDED} <= self.seen[name], (name, self.steps)
            delivered = await self.relay.reservation(answer) == "matched"
            assert not (delivered and state == REFUNDED), (name, self.steps)
            assert delivered or state != RELEASED, (name, self.steps)
            locked += answer["payment"]["quote"]["amount"] if state == LOCKED else 0
        assert contracts.balance(contracts.bridge) == locked, self.steps

    async def audited(self) -> None:
        context = self.relay.world.context
        async with self.relay.world.pool.acquire() as connection:
            report = await audit(
                connection,
                context.client,
                context.programs,
                context.addresses,
                int(time.time() * 1000),
                PATIENCE_S,
                bridge=self.reader,
            )
        (fifth,) = (check for check in report.checks if check.invariant == 5)
        assert [str(difference) for difference in fifth.differences] == [], self.steps


WEIGHTS = {
    "buy": 4, "pay": 4, "look": 10, "mine": 6, "round": 8, "reorg": 2, "restart": 1,
    "pay_twice": 1, "refund_early": 1, "release_by_one": 1,
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module")
async def relay(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RelayWorld]:
    async with (
        open_world(postgres_url, tmp_path_factory.mktemp("hub")) as world,
        relaying(world, tmp_path_factory.mktemp("guardians")) as opened,
    ):
        yield opened


@asynccontextmanager
async def reading(relay: RelayWorld) -> AsyncIterator[BridgeReader]:
    reader = BridgeReader(relay.settings)
    try:
        yield reader
    finally:
        await reader.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_energy_and_the_money_are_never_both_with_one_side(
    relay: RelayWorld, seed: int
) -> None:
    async with reading(relay) as reader:
        walk = Walk(relay, reader, random.Random(seed))  # noqa: S311 - a walk that can be repeated
        for _ in range(STEPS):
            (step,) = walk.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            walk.steps.append(step)
            await getattr(walk, step)()
            await walk.holds()
        await walk.round()
        await walk.audited()
        await all_end(walk)


async def all_end(walk: Walk) -> None:
    """What was delivered is released; a day later, what was not goes back: nothing stays locked."""
    stays = walk.one(0)
    if stays is None:
        _, _, stays = await walk.relay.purchase(kwh=1)
        walk.bought[stays["reservation_id"]] = stays
        walk.seen[stays["reservation_id"]] = {0}
    paid = [
        answer
        for name, answer in walk.bought.items()
        if answer is not stays and walk.state(name) == LOCKED
    ]
    for answer in paid:
        await walk.relay.until(lambda answer=answer: walk.relay.released(answer))
    await walk.holds()

    walk.relay.pay(stays)  # no guardian looks any more
    node, contracts = walk.relay.baht.node, walk.relay.baht.contracts
    node.call("evm_increaseTime", hex(DAY_S + 3_600))
    node.call("evm_mine")
    contracts.refund(Pubkey.from_string(stays["reservation_id"]))
    await walk.round()
    await walk.holds()
    await walk.audited()
    assert walk.state(stays["reservation_id"]) == REFUNDED
    assert await walk.relay.reservation(stays) == "open"
    assert contracts.balance(contracts.bridge) == 0
