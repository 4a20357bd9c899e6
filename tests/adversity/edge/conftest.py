"""The meter that all houses of a test read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.adversity.edge.house import simulator


@pytest.fixture
async def meter_port(tmp_path: Path) -> AsyncIterator[int]:
    async with simulator(tmp_path) as port:
        yield port
