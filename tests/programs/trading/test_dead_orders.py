"""trading: however many orders and offers are over, those alive cost the same, to the unit.

What is compared are orders and offers whose addresses and escrows are found at the first bump: each
further one that the chain has to try costs more, whatever else lies in the market.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from exchange import Bid, Exchange, Party, Sale
from grid import KWH
from solders.instruction import Instruction
from solders.pubkey import Pubkey

FEE = 5_000  # lamports for a signature
LIFETIME_S = 60
FIRST_BUMP = 255
DEAD = range(1_001, 1_013)  # nonces
LIVING = 60_000
"""The first nonce of those that live: so far ahead of the chain's clock that a test does not see it
pass, for which the program has another branch."""


@dataclass(frozen=True)
class Cost:
    """What an instruction took: of the chain's time and data, and of its payer."""

    compute_units: int
    accounts: int
    account_bytes: int
    lamports: int


@pytest.fixture
def seller(exchange: Exchange) -> Party:
    return exchange.party(energy=1_000 * KWH)


@pytest.fixture
def buyer(exchange: Exchange) -> Party:
    return exchange.party(grx=10_000 * KWH)


def sale_of(exchange: Exchange, seller: Party, nonce: int) -> Sale:
    """The order that is, or can be, at this nonce."""
    address = exchange.order_address(seller, nonce)
    return Sale(address, exchange.addresses.escrow(address), seller, exchange.nonce(nonce))


def bid_of(exchange: Exchange, buyer: Party, nonce: int) -> Bid:
    """The offer that is, or can be, at this nonce."""
    address = exchange.offer_address(buyer, nonce)
    return Bid(address, exchange.addresses.escrow(address), buyer, exchange.nonce(nonce))


def vacant_nonce(exchange: Exchange, kind: bytes, wallet: Pubkey) -> int:
    """The first at which nothing lies yet, and which gives two addresses at the first bump."""

    def serves(nonce: int) -> bool:
        seeds = [kind, bytes(wallet), exchange.nonce(nonce).to_bytes(8, "little")]
        entry, bump = Pubkey.find_program_address(seeds, exchange.program.id)
        seeds = [b"escrow", bytes(entry)]
        _, escrow_bump = Pubkey.find_program_address(seeds, exchange.program.id)
        return bump == escrow_bump == FIRST_BUMP and exchange.world.find(entry) is None

    return next(filter(serves, itertools.count(LIVING)))


def cost(exchange: Exchange, instruction: Instruction, signer: Party) -> Cost:
    """Send it, and see what it takes."""
    world = exchange.world
    payer = world.payer.pubkey()
    had = world.lamports(payer)
    outcome = world.send(instruction, signers=[signer.key])
    touched = {meta.pubkey for meta in instruction.accounts}
    found = [account for account in map(world.find, touched) if account]
    account_bytes = sum(len(account.data) for account in found if not account.executable)
    paid = had - world.lamports(payer)
    return Cost(outcome.compute_units, len(touched), account_bytes, paid)


def living(exchange: Exchange, seller: Party, buyer: Party) -> list[Cost]:
    """What it costs to make, sell in part and cancel an order, and an offer."""
    sale_nonce = vacant_nonce(exchange, b"order", seller.wallet)
    bid_nonce = vacant_nonce(exchange, b"offer", buyer.wallet)
    sale = sale_of(exchange, seller, sale_nonce)
    bid = bid_of(exchange, buyer, bid_nonce)
    return [
        cost(exchange, exchange.create_order(seller, sale_nonce), seller),
        cost(exchange, exchange.match_order(sale, buyer, KWH), buyer),
        cost(exchange, exchange.end_order("cancel", sale), seller),
        cost(exchange, exchange.create_offer(buyer, bid_nonce), buyer),
        cost(exchange, exchange.accept_offer(bid, seller, KWH), seller),
        cost(exchange, exchange.end_offer("cancel_offer", bid), buyer),
    ]


def pairs(exchange: Exchange, seller: Party, buyer: Party) -> list[tuple[Party, Party]]:
    """Those who make what dies: the living themselves, and two others with them."""
    other_seller = exchange.party(energy=1_000 * KWH)
    other_buyer = exchange.party(grx=10_000 * KWH)
    return [(seller, buyer), (seller, other_buyer), (other_seller, buyer)]


def fill(exchange: Exchange, seller: Party, buyer: Party, nonce: int) -> None:
    """Make an order and an offer that are traded at once."""
    keys = [seller.key, buyer.key]
    match = exchange.match_order(sale_of(exchange, seller, nonce), buyer)
    exchange.world.send(exchange.create_order(seller, nonce), match, signers=keys)
    accept = exchange.accept_offer(bid_of(exchange, buyer, nonce), seller)
    exchange.world.send(exchange.create_offer(buyer, nonce), accept, signers=keys)


def cancel(exchange: Exchange, seller: Party, buyer: Party, nonce: int) -> None:
    """Make an order and an offer that are cancelled at once."""
    end = exchange.end_order("cancel", sale_of(exchange, seller, nonce))
    exchange.world.send(exchange.create_order(seller, nonce), end, signers=[seller.key])
    end = exchange.end_offer("cancel_offer", bid_of(exchange, buyer, nonce))
    exchange.world.send(exchange.create_offer(buyer, nonce), end, signers=[buyer.key])


def test_what_is_over_does_not_burden_the_living(
    exchange: Exchange, seller: Party, buyer: Party
) -> None:
    in_an_empty_market = living(exchange, seller, buyer)
    makers = itertools.cycle(pairs(exchange, seller, buyer))
    for nonce, (one, other) in zip(DEAD, makers, strict=False):
        fill(exchange, one, other, nonce)
        cancel(exchange, one, other, nonce + len(DEAD))
    assert living(exchange, seller, buyer) == in_an_empty_market


@pytest.mark.clock_jump
def test_what_expired_or_was_closed_does_not_either(
    exchange: Exchange, seller: Party, buyer: Party
) -> None:
    """Half are ended and closed, and give their rent back; half are left as they are."""
    world = exchange.world
    payer = world.payer.pubkey()
    in_an_empty_market = living(exchange, seller, buyer)
    expires_at = world.now + LIFETIME_S
    makers = itertools.cycle(pairs(exchange, seller, buyer))
    sales, bids = [], []
    for nonce, (one, other) in zip(DEAD, makers, strict=False):
        sales.append(exchange.sale(one, nonce, expires_at=expires_at))
        bids.append(exchange.bid(other, nonce, expires_at=expires_at))
    half = len(DEAD) // 2
    dead: list[Sale | Bid] = [*sales[:half], *bids[:half]]
    world.set_time(expires_at)
    assert living(exchange, seller, buyer) == in_an_empty_market
    for sale, bid in zip(sales[:half], bids[:half], strict=True):
        world.send(exchange.end_order("expire", sale), exchange.end_offer("expire_offer", bid))
    assert living(exchange, seller, buyer) == in_an_empty_market
    for entry in dead:
        exchange.outlast(entry)
    rent = sum(world.lamports(entry.address) + world.lamports(entry.escrow) for entry in dead)
    before = world.lamports(payer)
    for sale, bid in zip(sales[:half], bids[:half], strict=True):
        closings = exchange.end_order("close_order", sale), exchange.end_offer("close_offer", bid)
        world.send(*closings)
    assert world.lamports(payer) == before + rent - half * FEE
    assert not any(
        world.find(address) for entry in dead for address in (entry.address, entry.escrow)
    )
    assert living(exchange, seller, buyer) == in_an_empty_market
