"""What happens to guardians: killed, down, lied to, or somebody else's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from solders.pubkey import Pubkey
from tests.guardian.chains.liar import Lie, lying, replaced
from tests.guardian.chains.world import Running
from tests.hub.bridge.walk.base import HOLD_IS_OVER_S, Walk
from tests.hub.bridge.walk.forger import Forger, TwoFaced, in_place_of, nothing
from tests.hub.bridge.walk.purchase import Fate, Paid, Purchase

MOST_TURNS = 60
"""Of the event loop, in which a look is cut off."""


async def killed_while_it_looks(walk: Walk) -> None:
    """Each is cut off anywhere in its look, again and again, and begins anew from its folder."""
    purchase = await walk.bought_and_paid()
    walk.mine()
    for guardian in walk.guardians * 2:
        looking = asyncio.create_task(guardian.look())
        for _ in range(walk.chance.randint(1, MOST_TURNS)):
            await asyncio.sleep(0)
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        await guardian.end()
        await guardian.begin()
    await walk.comes_to(purchase, Paid.RELEASED)


async def killed_between_signing_and_sending(walk: Walk) -> None:
    """It says the same again, and nothing else even when it is lied to from then on."""
    purchase, another = await walk.bought_and_paid(), await walk.order()
    walk.mine()
    guardian = walk.chance.choice(walk.guardians)
    said = await attested(guardian, purchase)
    await guardian.end()
    await walk.rounds([])
    assert await walk.fate(purchase) is Fate.OPEN
    await guardian.begin()
    assert await guardian.get(f"/attestations/{purchase.name}") == said
    lie = about_the_order(purchase, another)
    async with lying(guardian.config.solana_url, lie) as url, changed(guardian, solana_url=url):
        await guardian.look()
        assert await guardian.get(f"/attestations/{purchase.name}") == said
    await walk.comes_to(purchase, Paid.RELEASED)


async def attested(guardian: Running, purchase: Purchase) -> dict[str, object]:
    """A guardian's attestation of a payment that is final."""
    await guardian.look()
    said = await guardian.get(f"/attestations/{purchase.name}")
    assert said is not None, await guardian.get("/status")
    return said


async def two_are_down(walk: Walk) -> None:
    """One is too few: nothing moves until they are back."""
    purchase = await walk.bought_and_paid()
    down = walk.chance.sample(walk.guardians, 2)
    await nothing_moves_without(walk, down, purchase)
    for guardian in down:
        await guardian.begin()
    await walk.comes_to(purchase, Paid.RELEASED)


async def two_are_down_for_a_day(walk: Walk) -> None:
    """The reservation ends by time, the payment by its refund; who comes back changes nothing."""
    await walk.settled()
    purchase = await walk.bought_and_paid()
    down = walk.chance.sample(walk.guardians, 2)
    await nothing_moves_without(walk, down, purchase)
    walk.pass_s(HOLD_IS_OVER_S)
    await walk.freed(purchase)
    await walk.a_day_passes()
    assert walk.state(purchase) is Paid.REFUNDED
    for guardian in down:
        await guardian.begin()
    await walk.rounds(walk.guardians)
    assert await walk.relay.state(purchase.answer) == "refunded"


async def nothing_moves_without(walk: Walk, down: list[Running], purchase: Purchase) -> None:
    for guardian in down:
        await guardian.end()
    await walk.rounds([guardian for guardian in walk.guardians if guardian not in down])
    assert await walk.fate(purchase) is Fate.OPEN
    walk.refund_is_too_early(purchase)


async def lied_to_about_the_amount(walk: Walk) -> None:
    purchase = await walk.bought_and_paid()
    paid, told = (n.to_bytes(32, "big") for n in (purchase.micro_thbc, purchase.micro_thbc + 1))
    await believed_by_nobody(walk, purchase, "evm_url", replaced(paid, told), "wrong_amount")


async def lied_to_about_the_buyer(walk: Walk) -> None:
    purchase = await walk.bought_and_paid()
    wallet = bytes.fromhex(purchase.quote["solana_wallet"][2:])
    thief = bytes(walk.relay.world.context.keys.oracle.pubkey())
    await believed_by_nobody(walk, purchase, "evm_url", replaced(wallet, thief), "wrong_buyer")


async def lied_to_about_the_order(walk: Walk) -> None:
    """It signs what it was told, alone: that fits nothing that is on chain."""
    purchase, another = await walk.bought_and_paid(), await walk.order()
    lie = about_the_order(purchase, another)
    await believed_by_nobody(walk, purchase, "solana_url", lie, None)


def about_the_order(purchase: Purchase, another: str) -> Lie:
    """The reservation is told to be one of another order."""
    return replaced(*(bytes(Pubkey.from_string(order)) for order in (purchase.order, another)))


async def believed_by_nobody(
    walk: Walk, purchase: Purchase, endpoint: str, lie: Lie, refusal: str | None
) -> None:
    """The word of one who is lied to moves nothing beside one other; two others suffice."""
    liar, honest, third = walk.chance.sample(walk.guardians, 3)
    walk.mine()
    true_url = getattr(liar.config, endpoint)
    async with lying(true_url, lie) as url, changed(liar, **{endpoint: url}):
        await liar.look()
        said = await liar.get(f"/attestations/{purchase.name}")
        if refusal is None:
            right = await attested(honest, purchase)
            assert said is not None
            assert said["digest"] != right["digest"]
        else:
            assert said is None
            status = await liar.get("/status")
            assert status is not None
            assert refusal in status["not_signed"][purchase.name]
        await walk.rounds([liar, honest])
        assert await walk.fate(purchase) is Fate.OPEN
        assert walk.state(purchase) is Paid.LOCKED
        await walk.comes_to(purchase, Paid.RELEASED, [liar, honest, third])


@contextlib.asynccontextmanager
async def changed(guardian: Running, **configured: str) -> AsyncIterator[None]:
    """A guardian with another configuration, for as long as the context lasts."""
    await guardian.end()
    await guardian.begin(**configured)
    try:
        yield
    finally:
        await guardian.end()
        await guardian.begin()


async def signs_both_ways(walk: Walk) -> None:
    """Who has a guardian's keys and signs anything has one voice: alone it moves nothing."""
    purchase = await walk.buy()
    traitor, *honest = walk.chance.sample(walk.guardians, 3)
    face = TwoFaced(walk.relay, traitor.parts.signer.keys)
    async with in_place_of(traitor, face.attestation, face.release):
        await walk.rounds([])
        assert walk.state(purchase) is Paid.NONE
        walk.relay.pay(purchase.answer)
        await walk.rounds([], 4)
        assert face.asked > 0
        assert await walk.fate(purchase) is Fate.OPEN
        assert walk.state(purchase) is Paid.LOCKED
        await walk.comes_to(purchase, Paid.RELEASED, honest)


async def two_release_before_the_match(walk: Walk) -> None:
    """The bridge would believe them; the hub carries no release of what was not delivered."""
    purchase = await walk.bought_and_paid()
    *traitors, honest = walk.chance.sample(walk.guardians, 3)
    faces = [TwoFaced(walk.relay, traitor.parts.signer.keys) for traitor in traitors]
    async with contextlib.AsyncExitStack() as stack:
        for traitor, face in zip(traitors, faces, strict=True):
            await stack.enter_async_context(in_place_of(traitor, nothing, face.release))
        await walk.rounds([honest], 4)
        assert await walk.fate(purchase) is Fate.OPEN
        assert walk.state(purchase) is Paid.LOCKED
    await walk.comes_to(purchase, Paid.RELEASED)


async def forges_the_others(walk: Walk) -> None:
    """What is signed in another's name is not believed, and does not hide what that one signed."""
    purchase = await walk.bought_and_paid()
    traitor, *honest = walk.chance.sample(walk.guardians, 3)
    face = Forger(honest[0].parts.signer.keys)
    async with in_place_of(traitor, face.attestation, face.release):
        await walk.rounds([honest[1]])
        assert face.asked > 0
        assert await walk.fate(purchase) is Fate.OPEN
        await walk.comes_to(purchase, Paid.RELEASED, honest)


WEIGHTS = dict.fromkeys(
    (
        killed_while_it_looks,
        killed_between_signing_and_sending,
        two_are_down,
        two_are_down_for_a_day,
        lied_to_about_the_amount,
        lied_to_about_the_buyer,
        lied_to_about_the_order,
        signs_both_ways,
        two_release_before_the_match,
        forges_the_others,
    ),
    1,
)
