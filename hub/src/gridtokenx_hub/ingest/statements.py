"""The SQL of a batch. Every statement handles the whole batch: arrays in, rows out."""

SEED = """
WITH seeded AS (
    INSERT INTO acks AS a (meter_id, sequence, hash, highest_sequence,
                           produced_mwh, consumed_mwh, surplus_mwh)
    SELECT meter_id, baseline_sequence, baseline_hash, baseline_sequence,
           baseline_produced_mwh, baseline_consumed_mwh, baseline_surplus_mwh
    FROM meters WHERE meter_id = ANY($1)
    ORDER BY meter_id
    ON CONFLICT (meter_id) DO UPDATE
    SET sequence = excluded.sequence, hash = excluded.hash,
        highest_sequence = excluded.highest_sequence, produced_mwh = excluded.produced_mwh,
        consumed_mwh = excluded.consumed_mwh, surplus_mwh = excluded.surplus_mwh
    WHERE a.sequence < excluded.sequence
    RETURNING meter_id, sequence, hash
)
INSERT INTO verdicts (meter_id, sequence, hash, verdict)
SELECT meter_id, sequence, hash, 1 FROM seeded ON CONFLICT DO NOTHING
"""
"""The registration on chain is the verdict of a meter's baseline."""

LOCK = """
SELECT a.meter_id, a.sequence, a.hash, a.highest_sequence,
       a.produced_mwh, a.consumed_mwh, a.surplus_mwh, m.public_key, m.previous_public_key,
       m.previous_key_last_sequence, m.status
FROM acks a JOIN meters m USING (meter_id)
WHERE a.meter_id = ANY($1) AND a.sequence >= m.baseline_sequence
ORDER BY a.meter_id FOR UPDATE OF a
"""
"""In the order of the meters, so that two workers cannot wait for each other."""

SURROUNDINGS = """
SELECT q.meter_id, q.sequence, own.hash, previous.hash AS previous_hash,
       before.sequence AS before_sequence, before.produced_mwh AS before_produced_mwh,
       before.consumed_mwh AS before_consumed_mwh, before.surplus_mwh AS before_surplus_mwh,
       before.flags AS before_flags, before.previous_hash AS before_previous_hash,
       after.sequence AS after_sequence, after.produced_mwh AS after_produced_mwh,
       after.consumed_mwh AS after_consumed_mwh, after.surplus_mwh AS after_surplus_mwh,
       after.flags AS after_flags, after.previous_hash AS after_previous_hash,
       f.meter_id IS NOT NULL AS forgotten
FROM unnest($1::bytea[], $2::bigint[]) AS q (meter_id, sequence)
LEFT JOIN forgotten f ON f.meter_id = q.meter_id AND f.sequence >= q.sequence
LEFT JOIN LATERAL (
    SELECT hash FROM verdicts
    WHERE meter_id = q.meter_id AND sequence = q.sequence LIMIT 1) AS own ON true
LEFT JOIN LATERAL (
    SELECT hash FROM verdicts
    WHERE meter_id = q.meter_id AND sequence = q.sequence - 1 AND own.hash IS NULL
    LIMIT 1) AS previous ON true
LEFT JOIN LATERAL (
    SELECT sequence, produced_mwh, consumed_mwh, surplus_mwh, flags, previous_hash FROM readings
    WHERE meter_id = q.meter_id AND sequence < q.sequence AND own.hash IS NULL
    ORDER BY sequence DESC LIMIT 1) AS before ON true
LEFT JOIN LATERAL (
    SELECT sequence, produced_mwh, consumed_mwh, surplus_mwh, flags, previous_hash FROM readings
    WHERE meter_id = q.meter_id AND sequence > q.sequence AND own.hash IS NULL
    ORDER BY sequence LIMIT 1) AS after ON true
"""

ABSENT = """
SELECT b.meter_id FROM unnest($1::bytea[], $2::bigint[]) AS b (meter_id, sequence)
WHERE NOT EXISTS (SELECT FROM readings r WHERE (r.meter_id, r.sequence) = (b.meter_id, b.sequence))
"""

INSERT_LOSSES = """
INSERT INTO losses (meter_id, first_sequence, last_sequence, declared_by)
SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[])
ON CONFLICT DO NOTHING
"""

INSERT_QUARANTINE = """
INSERT INTO quarantine (topic, meter_id, sequence, reason, detail, payload)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::text[], $5::text[], $6::bytea[])
"""

NEXT_VERDICTS = """
SELECT h.meter_id, lost.last_sequence, lost.hash AS last_hash, next.sequences, next.hashes
FROM unnest($1::bytea[], $2::bigint[]) AS h (meter_id, sequence)
LEFT JOIN LATERAL (
    SELECT last_sequence, (
        SELECT hash FROM verdicts v
        WHERE v.meter_id = l.meter_id AND v.sequence = l.last_sequence LIMIT 1) AS hash
    FROM losses l
    WHERE meter_id = h.meter_id AND last_sequence > h.sequence AND first_sequence <= h.sequence + 1
    ORDER BY last_sequence DESC LIMIT 1) AS lost ON true
LEFT JOIN LATERAL (
    SELECT array_agg(sequence) AS sequences, array_agg(hash) AS hashes FROM (
        SELECT sequence, hash FROM verdicts
        WHERE meter_id = h.meter_id AND sequence > h.sequence
        ORDER BY sequence LIMIT 128) AS following) AS next ON true
"""

LAST_REGISTERS = """
SELECT h.meter_id, r.produced_mwh, r.consumed_mwh, r.surplus_mwh
FROM unnest($1::bytea[], $2::bigint[]) AS h (meter_id, sequence)
CROSS JOIN LATERAL (
    SELECT produced_mwh, consumed_mwh, surplus_mwh FROM readings
    WHERE meter_id = h.meter_id AND sequence <= h.sequence
    ORDER BY sequence DESC LIMIT 1) AS r
"""

UPDATE_ACKS = """
UPDATE acks a
SET sequence = n.sequence, hash = n.hash, highest_sequence = n.highest_sequence,
    produced_mwh = n.produced_mwh, consumed_mwh = n.consumed_mwh, surplus_mwh = n.surplus_mwh
FROM unnest($1::acks[]) AS n
WHERE a.meter_id = n.meter_id
"""
