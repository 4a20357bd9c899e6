"""What an exception means to the caller."""

import asyncpg
import pytest

from gridtokenx_hub.api.http.problems import as_problem


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CannotConnectNowError("the database system is shutting down"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_goes_away_is_nobodys_mistake(error: Exception) -> None:
    problem = as_problem(error)
    assert problem is not None
    assert (problem.status_code, problem.error) == (503, "DatabaseUnavailable")
    assert problem.headers is not None
    assert "Retry-After" in problem.headers
