"""What all tests share: how long the kill loops go on."""

import os

import pytest


@pytest.fixture(scope="session")
def soak_times() -> int:
    """How many times as many rounds as in the checks a kill loop does; see `./run soak`."""
    return int(os.environ.get("GTX_SOAK_TIMES", "1"))
