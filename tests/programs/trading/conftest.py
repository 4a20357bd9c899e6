"""Fixtures of the trading tests."""

import pytest
from bridge import Bridge
from exchange import Exchange
from grid import Grid
from worlds import World


@pytest.fixture
def exchange(world: World) -> Exchange:
    """An open market over the real registry and mints."""
    exchange = Exchange(Grid(world))
    exchange.open()
    return exchange


@pytest.fixture
def bridge(exchange: Exchange) -> Bridge:
    """The market's baht side, with five guardians of whom three must sign."""
    bridge = Bridge(exchange)
    bridge.open()
    return bridge
