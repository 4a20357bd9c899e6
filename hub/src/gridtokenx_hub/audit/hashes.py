"""Invariant 3, from the bytes up: what is stored is still what was hashed when it came."""

from collections.abc import Sequence

import asyncpg

from gridtokenx_hub.audit.findings import Difference
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.readings.signed import signed_record
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.payload import record_hash

AT_ONCE = 1_000
MOST_DIFFERENCES = 1_000
"""When so many readings differ, something has befallen the table as a whole."""

STORED = """
SELECT meter_id, sequence, time_ms, produced_mwh, consumed_mwh, surplus_mwh, active_power_mw,
       voltage_mv, current_ma, frequency_mhz, flags, previous_hash, extras, hash,
       coalesce((SELECT deployment FROM hub_state), '') AS deployment
FROM readings WHERE time >= to_timestamp($1::bigint / 1000)
"""


async def recompute_hashes(
    connection: Connection, since_ms: int
) -> tuple[int, Sequence[Difference]]:
    """Hash every stored reading since a time (Unix ms) anew: its record with its extras.

    The rows are read in one pass, a thousand at a time, inside the caller's transaction.

    Returns:
        How many were hashed, and those whose hash is another; it ends at `MOST_DIFFERENCES`.
    """
    compared = 0
    differences: list[Difference] = []
    async for row in connection.cursor(STORED, since_ms, prefetch=AT_ONCE):
        compared += 1
        found = _hash(row)
        if found != row["hash"]:
            differences.append(_difference(row, found))
            if len(differences) == MOST_DIFFERENCES:
                break
    return compared, differences


def _hash(row: asyncpg.Record) -> bytes | None:
    """Return the hash of what the row says; None when no device can have signed that."""
    try:
        return record_hash(signed_record(row), row["extras"])
    except Malformed:
        return None


def _difference(row: asyncpg.Record, found: bytes | None) -> Difference:
    return Difference(
        f"content of reading {row['sequence']} of meter {row['meter_id'].hex()}",
        {"stored hash": row["hash"].hex(), "recomputed": found.hex() if found else "no record"},
    )
