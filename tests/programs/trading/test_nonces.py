"""trading: nonces of orders and offers, which are the time, so that no address comes back."""

from typing import Any

import pytest
from exchange import NONCE_WINDOW_MS, Bid, Exchange, Sale
from grid import KWH, edit_account

GRX = 1_000_000
KINDS = ["order", "offer"]
U64_MAX = 2**64 - 1
LAST_SECOND = 2**53
"""The programs count no further; in milliseconds it still fits 63 bits."""


class Maker:
    """Somebody who makes orders or offers, by the same rules."""

    def __init__(self, exchange: Exchange, kind: str) -> None:
        self.exchange, self.kind, self.world = exchange, kind, exchange.world
        self.party = exchange.party(energy=100 * KWH, grx=100 * GRX)

    def create(self, nonce: int = 0) -> Any:
        """`create_order` or `create_offer`, so many milliseconds from the chain's time."""
        exchange = self.exchange
        create: Any = exchange.create_order if self.kind == "order" else exchange.create_offer
        return create(self.party, nonce)

    def make(self, nonce: int = 0) -> Sale | Bid:
        """Create one."""
        make: Any = self.exchange.sale if self.kind == "order" else self.exchange.bid
        made: Sale | Bid = make(self.party, nonce)
        return made

    def refuse(self, nonce: int) -> None:
        """A nonce that is not accepted."""
        self.world.refuse("InvalidNonce", self.create(nonce), signers=[self.party.key])

    def cancel(self, entry: Any) -> None:
        """End one before its time."""
        exchange = self.exchange
        instruction = (
            exchange.end_order("cancel", entry)
            if self.kind == "order"
            else exchange.end_offer("cancel_offer", entry)
        )
        self.world.send(instruction, signers=[self.party.key])

    def close(self, entry: Any) -> Any:
        """`close_order` or `close_offer`."""
        exchange = self.exchange
        end: Any = exchange.end_order if self.kind == "order" else exchange.end_offer
        return end(f"close_{self.kind}", entry)


@pytest.fixture(params=KINDS)
def maker(exchange: Exchange, request: pytest.FixtureRequest) -> Maker:
    return Maker(exchange, request.param)


@pytest.mark.parametrize("nonce", [-NONCE_WINDOW_MS, -1, 0, 1, NONCE_WINDOW_MS])
def test_a_nonce_is_the_time(maker: Maker, nonce: int) -> None:
    maker.world.await_tick()
    maker.make(nonce)


@pytest.mark.parametrize("nonce", [-NONCE_WINDOW_MS - 1, NONCE_WINDOW_MS + 1])
def test_the_time_is_at_most_ten_minutes_off(maker: Maker, nonce: int) -> None:
    maker.world.await_tick()
    maker.refuse(nonce)


@pytest.mark.parametrize("nonce", [0, 1, 2**63 - 1, 2**63, U64_MAX])
def test_a_nonce_at_the_end_of_the_numbers_is_no_time(maker: Maker, nonce: int) -> None:
    maker.refuse(nonce - maker.exchange.nonce(0))


def test_a_nonce_is_used_once(maker: Maker) -> None:
    """Another of the same millisecond takes the next one; an order and an offer may share it."""
    maker.make(5)
    maker.refuse(5)
    twice = [maker.create(7) for _ in range(2)]
    maker.world.refuse("InvalidNonce", *twice, signers=[maker.party.key])
    for nonce in (6, 4):
        maker.make(nonce)
    other = Maker(maker.exchange, next(kind for kind in KINDS if kind != maker.kind))
    other.party = maker.party
    other.make(5)


def test_two_wallets_may_have_the_same_nonce(maker: Maker) -> None:
    maker.make(5)
    Maker(maker.exchange, maker.kind).make(5)


@pytest.mark.clock_jump
@pytest.mark.parametrize("nonce", [-NONCE_WINDOW_MS, -1, 0, 1, 999, NONCE_WINDOW_MS])
def test_it_is_closed_when_its_nonce_is_spent(maker: Maker, nonce: int) -> None:
    """For as long as its nonce would be accepted it stays, and not a second longer."""
    entry, world = maker.make(nonce), maker.world
    maker.cancel(entry)
    bound_s = (entry.nonce + NONCE_WINDOW_MS) // 1000
    for early in {world.now, bound_s}:
        world.set_time(early)
        maker.refuse(entry.nonce - maker.exchange.nonce(0))
        world.refuse("TooEarly", maker.close(entry))
    world.set_time(bound_s + 1)
    world.send(maker.close(entry))
    maker.refuse(entry.nonce - maker.exchange.nonce(0))


@pytest.mark.clock_jump
def test_nothing_is_made_again_at_its_address(maker: Maker) -> None:
    """Not after, and not in the same transaction, where lamports could keep it alive."""
    world, signers = maker.world, [maker.party.key]
    entry = maker.make()
    maker.cancel(entry)
    world.refuse("TooEarly", maker.close(entry), maker.create(), signers=signers)
    maker.exchange.outlast(entry)
    again = maker.create(entry.nonce - maker.exchange.nonce(0))
    world.refuse("InvalidNonce", maker.close(entry), again, signers=signers)
    world.send(maker.close(entry))
    world.fund(entry.address, 10_000_000)
    world.refuse("InvalidNonce", again, signers=signers)


@pytest.mark.clock_jump
@pytest.mark.parametrize("now", [-(2**63), -1, 0])
def test_before_1970_it_is_1970(maker: Maker, now: int) -> None:
    maker.world.set_time(now)
    start = -1000 * now
    for nonce in (0, NONCE_WINDOW_MS):
        entry = maker.make(start + nonce)
        maker.cancel(entry)
        maker.world.refuse("TooEarly", maker.close(entry))
    maker.refuse(start + NONCE_WINDOW_MS + 1)
    maker.refuse(start + U64_MAX)


@pytest.mark.clock_jump
@pytest.mark.parametrize("now", [LAST_SECOND, 2**63 - 1])
def test_at_the_end_of_time_nothing_overflows(maker: Maker, now: int) -> None:
    maker.world.set_time(now)
    last = 1000 * (LAST_SECOND - now)
    for nonce in (last - NONCE_WINDOW_MS, last + NONCE_WINDOW_MS):
        entry = maker.make(nonce)
        assert entry.nonce < 2**63
        maker.cancel(entry)
        maker.world.refuse("TooEarly", maker.close(entry))
    for nonce in (last - NONCE_WINDOW_MS - 1, last + NONCE_WINDOW_MS + 1):
        maker.refuse(nonce)


@pytest.mark.forged
def test_an_impossible_nonce_does_not_overflow(maker: Maker) -> None:
    entry = maker.make()
    maker.cancel(entry)
    kind = maker.kind.capitalize()
    edit_account(maker.world, maker.exchange.program, kind, entry.address, nonce=U64_MAX)
    maker.world.refuse("TooEarly", maker.close(entry))
