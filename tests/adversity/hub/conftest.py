"""One world for all tests that only kill and cut: it must go on working after each."""

import os
import random
from collections.abc import AsyncIterator, Generator

import pytest
import pytest_asyncio
from tests.adversity.hub.world import World, running_world
from tests.conftest import SOAK_TIMES

DRAWN = 1 if SOAK_TIMES == 1 else random.SystemRandom().randrange(2**32)
SEED = int(os.environ.get("GTX_SEED", DRAWN))
"""The checks take the same choices each time; a soak looks for new ones."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the seed, and what the processes said, of a test that fails."""
    report = yield
    made = item.funcargs.get("world")
    if report.failed and isinstance(made, World):
        report.sections.append(("Random choices", f"the same again with GTX_SEED={made.seed}"))
        report.sections += made.hub.last_words()
    return report


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world() -> AsyncIterator[World]:
    async with running_world(SEED) as made:
        yield made
