"""What happens to the chains, the rate and the treasury."""

from __future__ import annotations

from hub_world import expect_problem
from solders.keypair import Keypair
from tests.hub.bridge.walk.base import Walk
from tests.hub.bridge.walk.purchase import Fate, Paid
from worlds.tokens import transfer

from gridtokenx_programs import create_associated_token

RATE_IS_STALE_S = 360
UNITS = 60_000


async def reorg(walk: Walk) -> None:
    """A payment that the hub has seen never was; nothing that is final is taken back."""
    purchase, node = await walk.unpaid(), walk.relay.baht.node
    snapshot = node.call("evm_snapshot")
    walk.relay.pay(purchase.answer)
    await walk.hub_round()
    assert await walk.relay.state(purchase.answer) == "locked"
    node.call("evm_revert", snapshot)
    walk.mine(1)
    await walk.hub_round()
    assert await walk.relay.state(purchase.answer) is None
    assert walk.state(purchase) is Paid.NONE


async def evm_restart(walk: Walk) -> None:
    """The node is away, nobody sees or signs anything, and all goes on when it is back."""
    purchase = await walk.bought_and_paid()
    walk.relay.anvil.stop()
    for guardian in walk.guardians:
        await guardian.look()
    await walk.hub_round()
    assert await walk.fate(purchase) is Fate.OPEN
    for guardian in walk.guardians:
        assert await guardian.get(f"/attestations/{purchase.name}") is None
    walk.relay.anvil.start(walk.time.ahead_s)
    assert walk.state(purchase) is Paid.LOCKED
    await walk.comes_to(purchase, Paid.RELEASED)


async def stale_rate(walk: Walk) -> None:
    """Nobody buys by a rate of long ago; what was bought goes on."""
    purchase, order = await walk.paid(), await walk.order()
    walk.pass_s(RATE_IS_STALE_S)
    _, response = await walk.asked(order)
    expect_problem(response, 409, "StalePrice")
    await walk.comes_to(purchase, Paid.RELEASED)
    await walk.buy(order)


async def empty_treasury(walk: Walk) -> None:
    """Nothing new is reserved; what was reserved has its GRX set apart, and goes on."""
    purchase, order = await walk.paid(), await walk.order()
    context, elsewhere = walk.relay.world.context, Keypair()
    treasury, grx = context.keys.treasury, context.addresses.grx_mint()
    own = context.addresses.associated_token(treasury.pubkey(), grx)
    other = context.addresses.associated_token(elsewhere.pubkey(), grx)
    all_of_it = await context.client.token_balance(own)
    await context.sender.send(
        lambda payer: [
            create_associated_token(payer, elsewhere.pubkey(), grx),
            transfer(own, other, treasury.pubkey(), all_of_it),
        ],
        (treasury,),
        compute_units=UNITS,
    )
    await walk.relay.baht.post_price()
    _, response = await walk.asked(order)
    expect_problem(response, 503, "NoBahtSales")
    await walk.comes_to(purchase, Paid.RELEASED)
    back = transfer(other, own, elsewhere.pubkey(), all_of_it)
    await context.sender.send([back], (elsewhere,), compute_units=UNITS)
    await walk.buy(order)


WEIGHTS = {reorg: 2, evm_restart: 1, stale_rate: 1, empty_treasury: 1}
