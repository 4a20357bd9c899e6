"""What can go wrong with the store, each by name."""

import asyncpg

OUTAGES = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # asyncpg, when the server goes in the middle of a statement
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, crashed
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.TransactionRollbackError,  # deadlock
    asyncpg.PostgresSystemError,
)
"""A server's errors that say nothing about what was to be written: another try may succeed.

One that is not reached at all is an OSError.
"""


class StoreError(RuntimeError):
    """The database cannot be used; the message says why and what to do."""


class PostgresInUseError(StoreError):
    """Another process runs a server on the same folder."""


class PostgresStartError(StoreError):
    """The embedded server did not come up."""


class MigrationError(StoreError):
    """The database's schema and this program's migrations do not belong together."""
