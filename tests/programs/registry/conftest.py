"""Fixtures of the registry's tests."""

import pytest
from grid import Grid
from harness import World


@pytest.fixture
def grid(world: World) -> Grid:
    """A deployment in which nothing is initialised."""
    return Grid(world)


@pytest.fixture
def started(grid: Grid) -> Grid:
    """A deployment with its registry and registrar."""
    grid.start_registry()
    return grid
