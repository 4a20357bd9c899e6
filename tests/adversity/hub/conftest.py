"""One world for all tests that only kill and cut: it must go on working after each."""

import logging
import os
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.adversity.hub.world import World, running_world
from tests.conftest import SOAK_TIMES

DRAWN = 1 if SOAK_TIMES == 1 else random.SystemRandom().randrange(2**32)
SEED = int(os.environ.get("GTX_SEED", DRAWN))
"""The checks take the same choices each time; a soak looks for new ones."""


@pytest.fixture(autouse=True)
def seed() -> int:
    """The world's seed; told when a test fails."""
    logging.getLogger(__name__).warning("GTX_SEED=%d makes the same random choices again", SEED)
    return SEED


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world() -> AsyncIterator[World]:
    async with running_world(SEED) as made:
        yield made
