"""trading: fills, reservations and releases in any order add up to the price of the whole."""

import math
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from bridge import Bridge, Reservation
from exchange import Exchange, Party
from grid import Grid
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import World

pytestmark = [pytest.mark.clock_jump, pytest.mark.forged]

LOT = 1_000
START = 1_800_000_000


@dataclass
class Model:
    """What an order should be, counted without regard to how the program counts."""

    amount: int
    price: int
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)  # paid: energy, payment
    held: dict[int, tuple[int, int]] = field(default_factory=dict)  # reserved, by reservation

    def cost(self, amount: int) -> int:
        """Price of so much, rounded up once."""
        return math.ceil(Fraction(amount * self.price, 1_000_000))

    @property
    def taken(self) -> int:
        return sum(energy for energy, _ in (*self.parts.values(), *self.held.values()))

    def price_of(self, amount: int) -> int:
        """What the next part costs."""
        others = sum(payment for _, payment in (*self.parts.values(), *self.held.values()))
        return max(0, self.cost(self.taken + amount) - others)


@pytest.fixture(scope="module")
def bridge(shared_world: World) -> Bridge:
    """One market for all examples: each makes an order of its own."""
    exchange = Exchange(Grid(shared_world))
    exchange.open()
    bridge = Bridge(exchange, guardians=1, threshold=1)
    bridge.open()
    return bridge


class Run:
    """An order on chain beside its model."""

    def __init__(self, bridge: Bridge, amount: int, price: int) -> None:
        self.bridge, self.exchange = bridge, bridge.exchange
        self.model = Model(amount, price)
        self.seller = self.exchange.party(energy=amount)
        self.buyer = self.exchange.party(grx=2**62)
        self.sale = self.exchange.sale(self.seller, amount_mwh=amount, price_micro_grx=price)
        self.open: dict[int, Reservation] = {}
        self.parties: list[Party] = []
        self.count = 0

    def left(self) -> int:
        return self.model.amount - self.model.taken

    def fill(self, amount: int) -> None:
        expected = self.model.price_of(amount)
        [event] = self.exchange.buy(self.sale, self.buyer, amount, self.model.price).events
        assert event.data["payment_micro_grx"] == expected
        self.count += 1
        self.model.parts[self.count] = (amount, expected)

    def reserve(self, amount: int) -> None:
        expected = self.model.price_of(amount)
        if expected == 0:  # nothing to pay: nothing to reserve
            return self.fill(amount)
        self.bridge.post_price(1_000_000)
        buyer = self.exchange.party()
        self.count += 1
        self.open[self.count] = self.bridge.reserve(self.sale, buyer, 1, amount, expected)
        assert self.bridge.terms(self.open[self.count])["payment_micro_grx"] == expected
        self.model.held[self.count] = (amount, expected)
        self.parties.append(buyer)
        return None

    def end_one(self, pick: int, *, paid: bool) -> None:
        if not self.open:
            return
        number = sorted(self.open)[pick % len(self.open)]
        reservation, part = self.open.pop(number), self.model.held.pop(number)
        if paid:
            self.bridge.settle(reservation)
            self.model.parts[number] = part
        else:
            self.bridge.release(reservation)
            self.bridge.world.set_time(START)

    def check(self) -> None:
        order, model = self.exchange.order(self.sale), self.model
        filled = sum(energy for energy, _ in model.parts.values())
        reserved = sum(energy for energy, _ in model.held.values())
        assert order["filled_mwh"] == filled
        assert order["reserved_mwh"] == reserved
        assert order["paid_micro_grx"] == sum(payment for _, payment in model.parts.values())
        assert order["reserved_micro_grx"] == sum(payment for _, payment in model.held.values())
        assert self.bridge.world.balance(self.sale.escrow) == model.amount - filled
        everything = filled + reserved == model.amount
        expected = "Filled" if filled == model.amount else "Matching" if everything else "Active"
        assert order["status"] == expected


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fill", "reserve", "reserve", "pay", "release"]), st.integers(1, 2_000)
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=40, deadline=None)
@given(
    steps=STEPS,
    lots=st.integers(2, 3_000),
    price=st.one_of(st.integers(1, 1_500), st.integers(1, 10**7)),
)
def test_parts_of_a_whole_order_cost_its_price(
    bridge: Bridge, steps: list[tuple[str, int]], lots: int, price: int
) -> None:
    bridge.world.set_time(START)
    run = Run(bridge, lots * LOT, price)
    for step, size in steps:
        amount = min(size * LOT, run.left())
        if step in ("fill", "reserve") and amount:
            run.fill(amount) if step == "fill" else run.reserve(amount)
        elif step in ("pay", "release"):
            run.end_one(size, paid=step == "pay")
        run.check()
    while run.open:
        run.end_one(0, paid=True)
    if run.left():
        run.fill(run.left())
    run.check()
    whole = run.model.cost(lots * LOT)
    assert run.exchange.order(run.sale)["status"] == "Filled"
    assert run.exchange.balances(run.seller) == [(0, whole)]
    assert bridge.world.balance(run.sale.escrow) == 0
