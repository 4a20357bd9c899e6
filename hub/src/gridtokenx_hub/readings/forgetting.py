"""Letting go of verdicts whose readings are past their age.

A verdict tells a reading that comes again from another one of its sequence. Of what a meter's ack
covers and nobody keeps any more, nothing can come but one of these two, and neither changes
anything: ingest takes whatever comes up to the `forgotten` sequence as a repetition. The last
verdict that the ack covers stays.
"""

import datetime as dt

from gridtokenx_hub.leadership import Connection

METERS_AT_ONCE = 1_000
TIMEOUT_S = 3_600.0

NEXT_METERS = "SELECT meter_id FROM acks WHERE meter_id > $1 ORDER BY meter_id LIMIT $2"
FORGET = """
WITH old AS (
    SELECT a.meter_id, least(day.last_sequence, a.sequence - 1) AS sequence
    FROM acks a
    CROSS JOIN LATERAL (
        SELECT last_sequence FROM days
        WHERE meter_id = a.meter_id AND start < $2::timestamptz - interval '1 day'
        ORDER BY start DESC LIMIT 1) AS day
    LEFT JOIN forgotten f USING (meter_id)
    WHERE a.meter_id = ANY($1)
      AND least(day.last_sequence, a.sequence - 1) > coalesce(f.sequence, 0)
), noted AS (
    INSERT INTO forgotten (meter_id, sequence) SELECT meter_id, sequence FROM old
    ON CONFLICT (meter_id) DO UPDATE SET sequence = excluded.sequence
), declared AS (
    DELETE FROM losses l USING old
    WHERE l.meter_id = old.meter_id AND l.last_sequence <= old.sequence
)
DELETE FROM verdicts v USING old WHERE v.meter_id = old.meter_id AND v.sequence <= old.sequence
"""
"""One statement: whoever does not find a verdict any more finds that it is forgotten."""


async def forget_verdicts(connection: Connection, before: dt.datetime) -> None:
    """Let go of the verdicts of readings of days that ended before this instant."""
    last = b""
    while meters := await connection.fetch(NEXT_METERS, last, METERS_AT_ONCE):
        ids = [row["meter_id"] for row in meters]
        await connection.execute(FORGET, ids, before, timeout=TIMEOUT_S)
        last = ids[-1]
