"""Fixtures of the energy-token program's tests."""

import pytest
from grid import Grid, Site
from meters import Stewards
from worlds import World


@pytest.fixture
def registered(world: World) -> Grid:
    """A deployment with its registry, and no tokens yet."""
    grid = Grid(world)
    grid.start_registry()
    return grid


@pytest.fixture
def grid(registered: Grid) -> Grid:
    """A deployment with registry and tokens."""
    registered.start_tokens()
    return registered


@pytest.fixture
def site(grid: Grid) -> Site:
    """A household with a meter whose ledger is open."""
    return grid.site()


@pytest.fixture
def stewards(grid: Grid) -> Stewards:
    """Those who look after the meters."""
    return Stewards(grid)
