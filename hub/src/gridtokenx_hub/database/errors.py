"""What can go wrong with the store, each by name."""


class StoreError(RuntimeError):
    """The database cannot be used; the message says why and what to do."""


class PostgresInUseError(StoreError):
    """Another process runs a server on the same folder."""


class PostgresStartError(StoreError):
    """The embedded server did not come up."""


class MigrationError(StoreError):
    """The database's schema and this program's migrations do not belong together."""
