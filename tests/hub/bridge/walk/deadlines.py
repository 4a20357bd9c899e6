"""What comes after its time: a hold that is over, a refund that is due, a release beside it."""

from __future__ import annotations

import pytest
from relay_world import reservations_of
from tests.hub.bridge.walk.base import DAY_S, HOLD_IS_OVER_S, Walk
from tests.hub.bridge.walk.guardians import attested
from tests.hub.bridge.walk.purchase import Fate, Paid, Purchase
from tests.hub.onchain import until

from gridtokenx_hub.bridge.calldata import refund
from gridtokenx_hub.bridge.guardian_answers import GuardianAnswers
from gridtokenx_hub.chain import TransactionRefused
from gridtokenx_programs.attestation import PAID

REFUND_GAS = 200_000
AUTOMINE = "evm_setAutomine"


async def hold_ends_before_guardians_look(walk: Walk) -> None:
    """Paid in time, and looked at when the hold is over: they refuse, and it goes back."""
    late, purchase = await walk.buy(), await walk.bought_and_paid()
    walk.mine()
    walk.pass_s(HOLD_IS_OVER_S)
    call = late.answer["payment"]["calls"][-1]
    assert walk.relay.baht.refusal(late.quote["payer"], call) == "QuoteExpired"
    await nobody_attests(walk, purchase, "too_late")
    await is_sold_again_and_goes_back(walk, purchase)


async def freed_before_guardians_look(walk: Walk) -> None:
    """The same, and the reservation is released on Solana before anyone has looked."""
    purchase = await walk.bought_and_paid()
    walk.pass_s(HOLD_IS_OVER_S)
    await walk.freed(purchase)
    await nobody_attests(walk, purchase, "not_matched")
    await is_sold_again_and_goes_back(walk, purchase)


async def hold_ends_before_the_match(walk: Walk) -> None:
    """Guardians have attested in time, and nobody handed it in: the program takes it no more."""
    purchase = await walk.bought_and_paid()
    walk.mine()
    for guardian in walk.guardians:
        await attested(guardian, purchase)
    walk.pass_s(HOLD_IS_OVER_S)
    with pytest.raises(TransactionRefused, match="TooLate"):
        await match_by_anyone(walk, purchase)
    await is_sold_again_and_goes_back(walk, purchase)


async def paid_after_the_hold(walk: Walk) -> None:
    """The EVM chain's clock is hours behind: it takes a payment for what is held no more."""
    purchase = await walk.buy()
    walk.time.pass_s(HOLD_IS_OVER_S)
    if walk.chance.random() < 0.5:
        await walk.freed(purchase)
    walk.relay.pay(purchase.answer)
    walk.mine()
    for guardian in walk.guardians:
        await guardian.look()
        status = await guardian.get("/status")
        assert status is not None
        assert "OutOfTime" in str(status["endpoints"]["evm"]["fault"])
        assert await guardian.get(f"/attestations/{purchase.name}") is None
    walk.evm_passes_s(HOLD_IS_OVER_S)
    is_open = await walk.fate(purchase) is Fate.OPEN
    await nobody_attests(walk, purchase, "too_late" if is_open else "not_matched")
    await is_sold_again_and_goes_back(walk, purchase)


async def nobody_attests(walk: Walk, purchase: Purchase, reason: str) -> None:
    for guardian in walk.guardians:
        await guardian.look()
        assert await guardian.get(f"/attestations/{purchase.name}") is None
        status = await guardian.get("/status")
        assert status is not None
        assert reason in status["not_signed"][purchase.name]


async def match_by_anyone(walk: Walk, purchase: Purchase) -> None:
    """Hand in what guardians have signed, as anyone may."""
    reservations = reservations_of(walk.relay.world)
    terms, office = await reservations.terms(purchase.reservation), await reservations.office()
    assert terms is not None
    assert office is not None
    digest = reservations.digest(PAID, purchase.reservation, terms, office)
    answers = GuardianAnswers(walk.relay.settings.guardians)
    try:
        signed = await answers.attestations(purchase.reservation, digest, office.guardians)
    finally:
        await answers.close()
    assert len(signed) == len(walk.guardians)
    await reservations.match(purchase.reservation, terms, signed[: office.threshold], digest)


async def is_sold_again_and_goes_back(walk: Walk, purchase: Purchase) -> None:
    """Another buyer gets the energy; a day later the first one has the baht again."""
    await walk.freed(purchase)
    again = await walk.buy(purchase.order)
    walk.relay.pay(again.answer)
    await walk.comes_to(again, Paid.RELEASED)
    assert walk.state(purchase) is Paid.LOCKED
    walk.refund_is_too_early(purchase)
    await walk.settled()
    await walk.a_day_passes()
    assert walk.state(purchase) is Paid.REFUNDED
    await walk.rounds(walk.guardians)
    assert await walk.relay.state(purchase.answer) == "refunded"
    assert await walk.fate(purchase) is Fate.FREED


async def release_comes_before_the_refund(walk: Walk) -> None:
    purchase = await race(walk, refund_first=False)
    assert walk.state(purchase) is Paid.RELEASED
    await walk.rounds(walk.guardians)
    assert await walk.relay.state(purchase.answer) == "released"


async def refund_comes_before_the_release(walk: Walk) -> None:
    """Nobody carried the release for a day, and the buyer was quicker: the treasury's loss."""
    purchase = await race(walk, refund_first=True)
    assert walk.state(purchase) is Paid.REFUNDED
    walk.stalled.add(purchase.name)
    await walk.rounds(walk.guardians)
    assert await walk.relay.state(purchase.answer) == "refunded"


async def race(walk: Walk, refund_first: bool) -> Purchase:
    """Release and refund are in one block, when both are due; the second one fails."""
    await walk.settled()
    purchase = await walk.bought_and_paid()
    await delivered_and_signed(walk, purchase)
    walk.pass_s(DAY_S + HOLD_IS_OVER_S)
    node, contracts = walk.relay.baht.node, walk.relay.baht.contracts
    node.call(AUTOMINE, False)
    await walk.hub_round()
    sent = await walk.relay.world.pool.fetchval(
        "SELECT hash FROM evm_transactions WHERE reservation_id = $1 AND purpose = 'release'",
        purchase.name,
    )
    release = node.call("eth_getTransactionByHash", f"0x{sent.hex()}")
    gas_price = int(release["maxFeePerGas"], 16) * 2 if refund_first else base_fee(walk) * 2
    call = {"from": contracts.buyer, "to": contracts.bridge, "gas": hex(REFUND_GAS)}
    call["data"] = f"0x{refund(bytes(purchase.reservation)).hex()}"
    refunding = node.call("eth_sendTransaction", {**call, "gasPrice": hex(gas_price)})
    node.call("evm_mine")
    node.call(AUTOMINE, True)
    receipts = [
        node.call("eth_getTransactionReceipt", name) for name in (f"0x{sent.hex()}", refunding)
    ]
    assert len({receipt["blockHash"] for receipt in receipts}) == 1
    assert [int(receipt["status"], 16) for receipt in receipts] == [not refund_first, refund_first]
    return purchase


def base_fee(walk: Walk) -> int:
    block = walk.relay.baht.node.call("eth_getBlockByNumber", "latest", False)
    return int(block["baseFeePerGas"], 16)


async def delivered_and_signed(walk: Walk, purchase: Purchase) -> None:
    """The energy is with the buyer, and guardians have signed the release; nobody carries it."""

    async def is_delivered() -> bool:
        return await walk.fate(purchase) is Fate.DELIVERED

    async def is_known() -> bool:
        return await walk.relay.reservation(purchase.answer) == "matched"

    await walk.relay.until(is_delivered)
    walk.mine()
    for guardian in walk.guardians:
        await guardian.look()
        assert await guardian.get(f"/releases/{purchase.name}") is not None
    await until(is_known)
    assert walk.state(purchase) is Paid.LOCKED


WEIGHTS = dict.fromkeys(
    (
        hold_ends_before_guardians_look,
        freed_before_guardians_look,
        hold_ends_before_the_match,
        paid_after_the_hold,
        release_comes_before_the_refund,
        refund_comes_before_the_release,
    ),
    1,
)
