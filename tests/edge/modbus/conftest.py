"""Simulated meters on a bus of each kind."""

from collections.abc import AsyncIterator

import pytest
from tests.edge.modbus.line import KINDS_OF_BUS, Line, open_line

from gridtokenx_edge.meters import Profile


@pytest.fixture(params=KINDS_OF_BUS)
async def line(request: pytest.FixtureRequest, profile: Profile) -> AsyncIterator[Line]:
    """Two meters on a bus of each kind."""
    async with open_line(request.param, profile, meters=2) as opened:
        yield opened


@pytest.fixture(params=["rtu", "rtu-over-tcp"])
async def rtu_line(request: pytest.FixtureRequest, profile: Profile) -> AsyncIterator[Line]:
    """Two meters on a bus with serial frames."""
    async with open_line(request.param, profile, meters=2) as opened:
        yield opened
