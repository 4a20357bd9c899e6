"""trading: fills of an order add up exactly, whatever its price and however it is cut."""

import math
from fractions import Fraction

import pytest
from exchange import Exchange
from grid import Grid
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import World

# More tokens than there can be of a mint.
pytestmark = pytest.mark.forged

LOT = 1_000
RICH = 2**63 - 1


@pytest.fixture(scope="module")
def exchange(shared_world: World) -> Exchange:
    """One market for all examples: each makes an order of its own."""
    exchange = Exchange(Grid(shared_world))
    exchange.open()
    return exchange


def cost(amount_mwh: int, price: int) -> int:
    """Price of an amount, rounded up once: exact, with no regard to how a program counts."""
    return math.ceil(Fraction(amount_mwh * price, 1_000_000))


LOTS = st.one_of(st.integers(1, 50), st.integers(1, RICH // LOT // 8))
PRICES = st.one_of(st.integers(1, 3), st.integers(1, 10**7), st.integers(1, 2**62))


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(LOTS, min_size=1, max_size=4), price=PRICES)
def test_parts_cost_what_the_whole_costs(exchange: Exchange, cuts: list[int], price: int) -> None:
    amounts = [lots * LOT for lots in cuts]
    whole = sum(amounts)
    seller, buyer = exchange.party(energy=whole), exchange.party(grx=2**64 - 1)
    if cost(whole, price) > RICH:
        refused = exchange.create_order(seller, amount_mwh=whole, price_micro_grx=price)
        exchange.world.refuse("InvalidPrice", refused, signers=[seller.key])
        return
    sale = exchange.sale(seller, amount_mwh=whole, price_micro_grx=price)
    filled = 0
    for amount in amounts:
        [event] = exchange.buy(sale, buyer, amount, price).events
        expected = cost(filled + amount, price) - cost(filled, price)
        filled += amount
        assert event.data["payment_micro_grx"] == expected
        assert abs(expected - Fraction(amount * price, 1_000_000)) < 1
        assert exchange.world.balance(sale.escrow) == whole - filled
        assert (event.data["filled_mwh"], event.data["amount_mwh"]) == (filled, amount)
    paid = cost(whole, price)
    assert exchange.balances(seller, buyer) == [(0, paid), (whole, 2**64 - 1 - paid)]
    assert exchange.order(sale)["status"] == "Filled"
