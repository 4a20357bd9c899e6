"""Rows of `readings` and `verdicts` in the form that the server reads fastest.

PostgreSQL's binary COPY (its manual, COPY, "Binary Format"): each row is its number of columns,
then for each its length and its bytes, all big-endian. Packed here in one call for a row: by a
database driver's own encoders, a reading costs four times as much.
"""

import struct
from collections.abc import AsyncIterator, Iterable

from gridtokenx_hub.ingest.model import MeterId, Reading, Verified
from gridtokenx_hub.ingest.sql import Connection

READING_COLUMNS = (
    "meter_id",
    "sequence",
    "time",
    "time_ms",
    "produced_mwh",
    "consumed_mwh",
    "surplus_mwh",
    "active_power_mw",
    "voltage_mv",
    "current_ma",
    "frequency_mhz",
    "flags",
    "previous_hash",
    "hash",
    "algorithm",
    "signature",
    "first_sequence",
    "record_count",
    "extras",
)
VERDICT_COLUMNS = ("meter_id", "sequence", "hash", "verdict")
STORED, QUARANTINED = 1, 2
"""Values of the column `verdict`."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH_MS = 946_684_800_000
"""2000-01-01, from which the server counts microseconds."""
_NULL = -1
_READING = struct.Struct(">h i16s iq iq iq iq iq iq iq iq ii iq iq i32s i32s ih i64s iq ih i")
_VERDICT = struct.Struct(">h i16s iq i32s ih")


def reading_row(message: Verified, reading: Reading) -> bytes:
    """Return the row of a reading that is stored."""
    record, extras = reading.record, reading.extras
    assert record is not None  # noqa: S101 - what cannot be read is never stored
    row = _READING.pack(
        *(len(READING_COLUMNS), 16, record.meter_id, 8, record.sequence),
        *(8, (record.time_ms - _EPOCH_MS) * 1_000, 8, record.time_ms),
        *(8, record.produced_mwh, 8, record.consumed_mwh, 8, record.surplus_mwh),
        *(8, record.active_power_mw, 8, record.voltage_mv, 4, record.current_ma),
        *(8, record.frequency_mhz, 8, record.flags),
        *(32, record.previous_hash, 32, reading.hash),
        *(2, message.cose_algorithm, 64, message.signature),
        *(8, message.readings[0].sequence, 2, len(message.readings)),
        _NULL if extras is None else len(extras),
    )
    return row if extras is None else row + extras


def verdict_row(meter_id: MeterId, reading: Reading, verdict: int) -> bytes:
    """Return the row of a verdict: `STORED` or `QUARANTINED`."""
    return _VERDICT.pack(
        len(VERDICT_COLUMNS), 16, meter_id, 8, reading.sequence, 32, reading.hash, 2, verdict
    )


async def copy_readings(connection: Connection, rows: Iterable[bytes]) -> None:
    """Write rows of readings that are certainly not there yet."""
    await _copy(connection, "readings", READING_COLUMNS, rows)


async def copy_verdicts(connection: Connection, rows: Iterable[bytes]) -> None:
    """Write rows of verdicts that are certainly not there yet."""
    await _copy(connection, "verdicts", VERDICT_COLUMNS, rows)


async def _copy(
    connection: Connection, table: str, columns: tuple[str, ...], rows: Iterable[bytes]
) -> None:
    body = b"".join(rows)
    if body:
        source = _one(_HEADER + body + _TRAILER)
        await connection.copy_to_table(table, source=source, columns=columns, format="binary")


async def _one(data: bytes) -> AsyncIterator[bytes]:
    """Yield all at once: asyncpg would take plain bytes for the name of a file."""
    yield data
