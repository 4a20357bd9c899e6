"""Quarter-hours and days of each meter, brought up to date with the readings that are new.

What a reading adds does not depend on the others (a count, the extremes, the registers of the
highest sequence), so late readings are right in whatever order they come. Each counts once: what
is new is told by the transaction that wrote it, and the mark of how far that has gone moves in the
transaction that adds it.
"""

from gridtokenx_hub.leadership import Connection

TRANSACTIONS_AT_ONCE = 2_000

STATE = """
SELECT commit_id, system_identifier, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS ended,
       (SELECT system_identifier::text FROM pg_control_system()) AS cluster
FROM rollup_state FOR UPDATE
"""
"""Every transaction before `ended` has ended: what it wrote can be seen, or never will be."""

ADD = """
INSERT INTO {table} AS t (meter_id, start, readings, last_sequence, produced_mwh, consumed_mwh,
                          surplus_mwh, lowest_power_mw, highest_power_mw)
SELECT meter_id, start, count, last[1], last[2], last[3], last[4], lowest, highest
FROM (
    SELECT meter_id,
           date_bin('{width}', time - interval '1 ms', '1970-01-01 00:00+00') AS start,
           count(*) AS count,
           max(ARRAY[sequence, produced_mwh, consumed_mwh, surplus_mwh]) AS last,
           min(active_power_mw) FILTER (WHERE flags & 4 = 0) AS lowest,
           max(active_power_mw) FILTER (WHERE flags & 4 = 0) AS highest
    FROM readings WHERE commit_id >= $1 AND commit_id < $2
    GROUP BY 1, 2
) AS fresh
ORDER BY meter_id, start
ON CONFLICT (meter_id, start) DO UPDATE
SET readings = t.readings + excluded.readings,
    last_sequence = greatest(t.last_sequence, excluded.last_sequence),
    produced_mwh = CASE WHEN {later} THEN excluded.produced_mwh ELSE t.produced_mwh END,
    consumed_mwh = CASE WHEN {later} THEN excluded.consumed_mwh ELSE t.consumed_mwh END,
    surplus_mwh = CASE WHEN {later} THEN excluded.surplus_mwh ELSE t.surplus_mwh END,
    lowest_power_mw = least(t.lowest_power_mw, excluded.lowest_power_mw),
    highest_power_mw = greatest(t.highest_power_mw, excluded.highest_power_mw)
"""
WIDTHS = {"quarter_hours": "15 minutes", "days": "1 day"}
STATEMENTS = tuple(
    ADD.format(table=table, width=width, later="excluded.last_sequence > t.last_sequence")
    for table, width in WIDTHS.items()
)

MOVE_ON = "UPDATE rollup_state SET commit_id = $1, system_identifier = $2"
RENUMBER_TIMEOUT_S = 86_400.0
RENUMBER = """
UPDATE readings
SET commit_id = CASE WHEN commit_id < $1 THEN 0 ELSE pg_current_xact_id()::text::bigint END
"""


async def roll_up(connection: Connection) -> bool:
    """Add what is new, at most so many transactions of ingest; return whether there is more."""
    async with connection.transaction():
        state = await connection.fetchrow(STATE)
        assert state is not None  # noqa: S101 - the migration made it
        begin, ended = state["commit_id"], state["ended"]
        if state["system_identifier"] != state["cluster"]:
            # restored into another cluster, which counts its transactions anew
            await connection.execute(RENUMBER, begin, timeout=RENUMBER_TIMEOUT_S)
            await connection.execute(MOVE_ON, ended, state["cluster"])
            return True
        end = min(ended, begin + TRANSACTIONS_AT_ONCE)
        for statement in STATEMENTS:
            await connection.execute(statement, begin, end)
        await connection.execute(MOVE_ON, end, state["cluster"])
        return bool(end < ended)
