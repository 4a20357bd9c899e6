"""Invariant 3: what was acknowledged has its verdict, and what is stored is one chain."""

import asyncpg

from gridtokenx_hub.audit.findings import Check, Difference
from gridtokenx_hub.audit.hashes import recompute_hashes
from gridtokenx_hub.leadership import Connection
from gridtokenx_protocol.record import Flag

GAP = int(Flag.GAP)

COUNTS = """
SELECT (SELECT count(*) FROM acks) AS meters,
       (SELECT count(*) FROM verdicts) AS verdicts,
       (SELECT count(*) FROM losses) AS declared_losses,
       (SELECT count(*) FROM readings) AS readings
"""

UNJUDGED = """
WITH islands AS (
    SELECT meter_id, int8range(min(sequence), max(sequence), '[]') AS span
    FROM (SELECT meter_id, sequence,
                 sequence - row_number() OVER (PARTITION BY meter_id ORDER BY sequence) AS island
          FROM verdicts) AS numbered
    GROUP BY meter_id, island
    UNION ALL
    SELECT meter_id, int8range(first_sequence, last_sequence, '[]') FROM losses
    UNION ALL
    SELECT meter_id, int8range(1, sequence, '[]') FROM forgotten
), judged AS (
    SELECT meter_id, range_agg(span) AS spans FROM islands GROUP BY meter_id
)
SELECT a.meter_id, a.sequence AS acknowledged,
       (int8multirange(int8range(1, a.sequence, '[]')) - coalesce(j.spans, '{}'))::text AS missing
FROM acks a LEFT JOIN judged j USING (meter_id)
WHERE NOT int8range(1, a.sequence, '[]') <@ coalesce(j.spans, '{}')
ORDER BY a.meter_id
"""
"""Acknowledged sequences with neither a verdict nor a declared loss, and not forgotten by age. That
a sequence has no two verdicts is the table's primary key."""

WRONG_HEADS = """
SELECT a.meter_id, a.sequence, encode(a.hash, 'hex') AS acknowledged,
       encode(v.hash, 'hex') AS judged
FROM acks a JOIN verdicts v USING (meter_id, sequence)
WHERE a.hash <> v.hash AND a.hash <> decode(repeat('00', 32), 'hex') ORDER BY a.meter_id
"""
"""Zeros: acknowledged when it was declared lost; it may have come afterwards."""

UNSTORED = """
WITH kept AS (
    SELECT v.meter_id, v.sequence, v.hash AS judged, r.hash AS stored,
           coalesce(max(r.time_ms) OVER (PARTITION BY v.meter_id ORDER BY v.sequence
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                    m.baseline_time_ms) AS before_ms
    FROM verdicts v
    JOIN meters m USING (meter_id)
    LEFT JOIN readings r USING (meter_id, sequence)
    WHERE v.verdict = 1 AND v.sequence > m.baseline_sequence
)
SELECT meter_id, sequence, encode(judged, 'hex') AS judged, encode(stored, 'hex') AS stored
FROM kept WHERE judged IS DISTINCT FROM stored AND (stored IS NOT NULL OR before_ms >= $1)
ORDER BY meter_id, sequence
"""
"""Readings that are judged stored and are not, or are others. A reading that follows one of an
age at which readings are given up may have been given up. The baseline's verdict is the chain's:
its reading need not have come."""

BROKEN = """
SELECT r.meter_id, r.sequence, encode(r.previous_hash, 'hex') AS named,
       encode(before.hash, 'hex') AS stored
FROM readings r JOIN readings before
  ON before.meter_id = r.meter_id AND before.sequence = r.sequence - 1
WHERE r.flags & $1 = 0 AND r.previous_hash <> before.hash
ORDER BY r.meter_id, r.sequence
"""


async def check_verdicts(
    connection: Connection, kept_since_ms: int, hashes_since_ms: int = 0
) -> Check:
    """Every acknowledged sequence has its verdict, once; the chain of hashes is whole.

    `kept_since_ms` is the Unix time in ms of the oldest ordinary reading that must be there;
    readings since `hashes_since_ms` are hashed anew. Needs a transaction.
    """
    counts = await connection.fetchrow(COUNTS)
    differences = [
        Difference(
            f"readings of meter {row['meter_id'].hex()}",
            {"acknowledged": f"1 to {row['acknowledged']}", "without a verdict": row["missing"]},
        )
        for row in await connection.fetch(UNJUDGED)
    ]
    for query, arguments, places in (
        (WRONG_HEADS, (), ("acknowledged", "judged")),
        (UNSTORED, (kept_since_ms,), ("judged", "stored")),
        (BROKEN, (GAP,), ("named", "stored")),
    ):
        rows = await connection.fetch(query, *arguments)
        differences += [_hashes(row, places) for row in rows]
    recomputed, others = await recompute_hashes(connection, hashes_since_ms)
    title = "every acknowledged reading has its verdict, and the chain of hashes is whole"
    compared = dict(counts or {}) | {"hashes_recomputed": recomputed}
    return Check(3, title, compared, [*differences, *others])


def _hashes(row: asyncpg.Record, places: tuple[str, str]) -> Difference:
    subject = "hash before" if places[0] == "named" else "hash of"
    return Difference(
        f"{subject} reading {row['sequence']} of meter {row['meter_id'].hex()}",
        {place: row[place] for place in places},
    )
