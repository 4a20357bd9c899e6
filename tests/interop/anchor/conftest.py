"""Each test here runs once for each client."""

import pytest

from .clients import CLIENTS, Client


@pytest.fixture(scope="session", params=CLIENTS, ids=str)
def client(request: pytest.FixtureRequest) -> Client:
    """One of other people's clients."""
    one: Client = request.param
    return one
