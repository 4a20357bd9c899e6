"""Both chains under a random walk; after each step the design's invariant 5 holds.

Purchases, payments, looks of single guardians, rounds of the hub, every fault of guardians, chains
and clocks, and attempts to cheat come in an order that the seed decides. Each step makes what it
needs, so that none of them is without effect, and says itself what must come of it.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from hub_world import HubWorld, open_world
from relay_world import RelayWorld, relaying
from tests.hub.bridge.walk import chains, deadlines, guardians, ordinary
from tests.hub.bridge.walk.base import HOLD_IS_OVER_S, Walk
from tests.hub.bridge.walk.money import Money
from tests.hub.bridge.walk.purchase import Fate, Paid
from tests.hub.local_chain.harness import AheadTime, served

from gridtokenx_hub.audit.bridge_reader import BridgeReader
from gridtokenx_hub.chain import FeePayerPool, TransactionSender
from gridtokenx_hub.local_chain import Genesis
from gridtokenx_programs import PROGRAM_NAMES, load

SEEDS = 2
MORE_STEPS = 25
SELLER_KWH = 300
ENDS = {
    (Fate.DELIVERED, Paid.RELEASED),
    (Fate.DELIVERED, Paid.REFUNDED),
    (Fate.FREED, Paid.REFUNDED),
    (Fate.FREED, Paid.NONE),
}
"""How purchases end in a walk that has lost none of its faults."""
WEIGHTS = {**ordinary.WEIGHTS, **chains.WEIGHTS, **guardians.WEIGHTS, **deadlines.WEIGHTS}


@asynccontextmanager
async def walking(postgres_url: str, folder: Path, seed: int) -> AsyncIterator[tuple[Walk, Money]]:
    """A walk that has not begun, over chains of its own, and the money in it."""
    time, chance = AheadTime(), random.Random(seed)  # noqa: S311 - a walk that can be repeated
    programs = [load(name) for name in PROGRAM_NAMES]
    genesis = Genesis(tuple((program.id, program.elf()) for program in programs))

    def chain(folder: Path) -> AbstractAsyncContextManager[str]:
        return served(folder / "chain", time, genesis)

    (folder / "hub").mkdir(parents=True)
    async with (
        open_world(postgres_url, folder / "hub", chain=chain) as world,
        in_time(world, time),
        relaying(world, folder, time.now) as relay,
        reading(relay) as reader,
    ):
        walk = Walk(relay, time, await world.seller(SELLER_KWH), chance)
        money = Money(walk, reader)
        await walk.hub_round()  # an audit reads the bridge as it was when the hub listened last
        await money.begin()
        yield walk, money


@asynccontextmanager
async def in_time(world: HubWorld, time: AheadTime) -> AsyncIterator[None]:
    """The hub sends transactions by the walk's time: no blockhash of a day ago."""
    payers = FeePayerPool(world.context.keys.fee_payers)
    sender = TransactionSender(
        world.context.client, payers, world.context.programs, monotonic_s=time.monotonic_s
    )
    with world.having(sender=sender):
        yield


@asynccontextmanager
async def reading(relay: RelayWorld) -> AsyncIterator[BridgeReader]:
    reader = BridgeReader(relay.settings)
    try:
        yield reader
    finally:
        await reader.close()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_the_energy_and_the_money_are_never_both_with_one_side(
    postgres_url: str, tmp_path: Path, seed: int, soak_times: int
) -> None:
    for one in range(seed, SEEDS * soak_times, SEEDS):
        async with walking(postgres_url, tmp_path / str(one), one) as (walk, money):
            await every_step(walk, money, one)


async def every_step(walk: Walk, money: Money, seed: int) -> None:
    """Each step at least once, in an order that the seed decides, among more of them."""
    chance = walk.chance
    order = [*WEIGHTS, *chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=MORE_STEPS)]
    chance.shuffle(order)
    taken: list[str] = []
    had: Counter[str] = Counter()
    try:
        for step in [*order, all_end]:
            taken.append(step.__name__)
            await step(walk)
            await money.holds()
            found = await money.audited()
            had[step.__name__] += 1
    except BaseException as error:
        error.add_note(f"seed {seed}, after {', '.join(taken)}")
        raise
    assert found == walk.stalled
    assert all(had[step.__name__] for step in WEIGHTS), had
    assert {(purchase.fate, purchase.paid) for purchase in walk.purchases} >= ENDS


async def all_end(walk: Walk) -> None:
    """What was delivered is released; a day later, what was not goes back: nothing stays locked."""
    await walk.settled()
    stays = await walk.bought_and_paid()
    walk.pass_s(HOLD_IS_OVER_S)
    await walk.freed(stays)
    await walk.a_day_passes()
    await walk.rounds(walk.guardians)
    assert walk.state(stays) is Paid.REFUNDED
    assert walk.relay.baht.contracts.balance(walk.relay.baht.contracts.bridge) == 0
