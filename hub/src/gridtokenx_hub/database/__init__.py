"""The hub's one store: PostgreSQL, embedded or by URL, its schema and its partitions."""

from gridtokenx_hub.database.embedded import EmbeddedPostgres
from gridtokenx_hub.database.errors import (
    OUTAGES,
    MigrationError,
    PostgresInUseError,
    PostgresStartError,
    StoreError,
)
from gridtokenx_hub.database.migrations import migrate
from gridtokenx_hub.database.partitions import ensure_partitions
from gridtokenx_hub.database.pool import open_pool

__all__ = [
    "OUTAGES",
    "EmbeddedPostgres",
    "MigrationError",
    "PostgresInUseError",
    "PostgresStartError",
    "StoreError",
    "ensure_partitions",
    "migrate",
    "open_pool",
]
