"""Fixtures of the registry's tests."""

import pytest
from grid import Grid, Site
from meters import Stewards
from worlds import World


@pytest.fixture
def grid(world: World) -> Grid:
    """A deployment in which nothing is initialised."""
    return Grid(world)


@pytest.fixture
def started(grid: Grid) -> Grid:
    """A deployment with its registry and registrar."""
    grid.start_registry()
    return grid


@pytest.fixture
def stewards(started: Grid) -> Stewards:
    """Those who look after the meters of a deployment with registry and tokens."""
    started.start_tokens()
    return Stewards(started)


@pytest.fixture
def site(stewards: Stewards) -> Site:
    """A household with a meter whose ledger is open."""
    return stewards.grid.site()
