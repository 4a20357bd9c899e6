"""Fixtures of tests for what the programs share."""

import pytest
from grid import Caller, Grid
from worlds import World


@pytest.fixture
def grid(world: World) -> Grid:
    """A deployment with registry, registrar and tokens."""
    grid = Grid(world)
    grid.start_registry()
    grid.start_tokens()
    return grid


@pytest.fixture
def caller(world: World) -> Caller:
    """A program between a transaction and ours, as an attacker might deploy."""
    return Caller(world)
