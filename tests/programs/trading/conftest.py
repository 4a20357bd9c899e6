"""Fixtures of the trading tests."""

import pytest
from exchange import Exchange
from grid import Grid
from harness import World


@pytest.fixture
def exchange(world: World) -> Exchange:
    """An open market over the real registry and mints."""
    exchange = Exchange(Grid(world))
    exchange.open()
    return exchange
