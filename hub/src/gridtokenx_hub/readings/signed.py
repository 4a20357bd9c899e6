"""What a device signed, put together again from the row that it became."""

import asyncpg

from gridtokenx_protocol.record import Record


def signed_record(row: asyncpg.Record) -> Record:
    """Return the record of a row of `readings` with its `deployment` beside it.

    Raises:
        Malformed: no device can have signed this.
    """
    return Record(
        deployment=row["deployment"],
        meter_id=row["meter_id"],
        sequence=row["sequence"],
        time_ms=row["time_ms"],
        produced_mwh=row["produced_mwh"],
        consumed_mwh=row["consumed_mwh"],
        surplus_mwh=row["surplus_mwh"],
        active_power_mw=row["active_power_mw"],
        voltage_mv=row["voltage_mv"],
        current_ma=row["current_ma"],
        frequency_mhz=row["frequency_mhz"],
        flags=row["flags"],
        previous_hash=row["previous_hash"],
    )
