"""Fixtures of the programs' tests."""

import sys
from pathlib import Path

import pytest

# pytest's importlib mode leaves sys.path alone; tests here share one module beside them.
sys.path.insert(0, str(Path(__file__).parent))

from harness import World


@pytest.fixture
def world() -> World:
    """A fresh chain with the three programs."""
    return World()
