"""Which readings are due to be settled: for each meter the newest one that the chain may accept."""

from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.readings.signed import signed_record
from gridtokenx_protocol.record import ClockStatus, Flag

MS_PER_S = 1000
FAULT_BITS = Flag.METER_FAULT | Flag.REGISTER_REPLACED | Flag.TAMPER
DECIDING_BITS = int(ClockStatus.SYNCHRONISED | Flag.SETTLEMENT | FAULT_BITS)
SETTLEABLE = int(ClockStatus.SYNCHRONISED | Flag.SETTLEMENT)

DUE = """
SELECT r.*, (SELECT deployment FROM hub_state) AS deployment
FROM (
    SELECT m.meter_id, u.meter_id IS NOT NULL AS urgent,
           coalesce(l.last_sequence, m.baseline_sequence) AS sequence,
           coalesce(l.last_time_ms, m.baseline_time_ms) AS time_ms,
           coalesce(l.produced_mwh, m.baseline_produced_mwh) AS produced_mwh,
           coalesce(l.consumed_mwh, m.baseline_consumed_mwh) AS consumed_mwh,
           coalesce(l.surplus_mwh, m.baseline_surplus_mwh) AS surplus_mwh
    FROM meters m LEFT JOIN ledgers l USING (meter_id) LEFT JOIN (
        -- A change that ends what can be settled waits for it.
        SELECT DISTINCT meter_id FROM provisioning_codes
        WHERE purpose IN ('replace_meter', 'transfer', 'revoke') AND code_hash IS NOT NULL
          AND claimed_at IS NOT NULL AND tx_signature IS NULL AND withdrawn_at IS NULL
          AND expires_at > to_timestamp($2::bigint / 1000)
    ) AS u USING (meter_id)
    WHERE m.status = 'active'
      AND (u.meter_id IS NOT NULL OR coalesce(l.last_time_ms, m.baseline_time_ms) + $1 <= $2)
) AS settled
CROSS JOIN LATERAL (
    SELECT * FROM readings
    WHERE meter_id = settled.meter_id AND sequence > settled.sequence
      AND time_ms BETWEEN settled.time_ms + CASE WHEN settled.urgent THEN 1 ELSE $1 END AND $2
      AND flags & 4 <> 0 AND flags & $3 = $4 -- the first is what an index can be over
    ORDER BY sequence DESC LIMIT 1
) AS r
WHERE (settled.urgent OR (r.produced_mwh, r.consumed_mwh, r.surplus_mwh)
      IS DISTINCT FROM (settled.produced_mwh, settled.consumed_mwh, settled.surplus_mwh))
  AND NOT EXISTS (
    SELECT FROM settlements s WHERE s.meter_id = r.meter_id
    AND (s.status = 'sent' OR s.sequence = r.sequence))
"""

SUPERSEDE = """
UPDATE settlements SET status = 'superseded', updated_at = now()
WHERE meter_id = $1 AND status = 'pending'
"""

INSERT = """
INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm, signature, status)
VALUES ($1, $2, $3, $4, $5, $6, 'pending')
"""


async def plan(connection: Connection, period_s: int, now_ms: int) -> int:
    """Put what is due into the outbox; return how many readings that were.

    Due is a meter's newest settlement reading, signed under a synchronised clock and without
    fault bits, not of the future, that shows other registers than the last settled one and is at
    least `period_s` younger. While a code to replace, transfer or revoke a meter is claimed, its
    newest settlement reading is due whatever its age and registers. A row that waits is
    superseded by a newer one; a meter whose row is on its way is left alone.
    """
    async with connection.transaction():
        # The indexer's next settlement waits until the new rows can be seen by it.
        await connection.execute("LOCK TABLE ledgers IN SHARE MODE")
        due = await connection.fetch(DUE, period_s * MS_PER_S, now_ms, DECIDING_BITS, SETTLEABLE)
        await connection.executemany(SUPERSEDE, [(row["meter_id"],) for row in due])
        await connection.executemany(
            INSERT,
            [
                (
                    row["meter_id"],
                    row["sequence"],
                    row["time_ms"],
                    signed_record(row).encode(),
                    row["algorithm"],
                    row["signature"],
                )
                for row in due
            ],
        )
    return len(due)
