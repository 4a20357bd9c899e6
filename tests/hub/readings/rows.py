"""Rows of readings, without devices that sign them."""

import datetime as dt

from gridtokenx_hub.leadership import Connection

SETTLEMENT = 7


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    at = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    return int(at.timestamp()) * 1000


async def insert(
    connection: Connection,
    sequence: int,
    time_ms: int,
    *,
    flags: int = 3,
    power_mw: int = 0,
    meter: bytes = b"m",
) -> None:
    """A reading whose registers follow from its sequence."""
    await connection.execute(
        "INSERT INTO readings (meter_id, sequence, time, time_ms, produced_mwh, consumed_mwh,"
        " surplus_mwh, active_power_mw, voltage_mv, current_ma, frequency_mhz, flags,"
        " previous_hash, hash, algorithm, signature, first_sequence, record_count)"
        " VALUES ($1, $2, to_timestamp($3 / 1000.0), $3, $4, $5, $6, $7, 0, 0, 0, $8,"
        " '', '', -8, '', $2, 1)",
        meter,
        sequence,
        time_ms,
        sequence * 10,
        sequence * 20,
        sequence * 5,
        power_mw,
        flags,
    )
