"""Is everything that a meter signed for on chain? A change that ends its ledger waits for that."""

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.settlement.planner import DECIDING_BITS, SETTLEABLE

ALL = 2**63 - 1
"""Above every sequence that the hub stores."""

DELIVERED_UP_TO = """
SELECT coalesce(a.sequence, m.baseline_sequence)
  FROM meters m LEFT JOIN acks a USING (meter_id) WHERE m.meter_id = $1
"""
UNSETTLED = """
SELECT r.sequence
  FROM meters m
  LEFT JOIN ledgers l USING (meter_id)
 CROSS JOIN LATERAL (
    SELECT sequence, produced_mwh, consumed_mwh, surplus_mwh FROM readings
     WHERE meter_id = m.meter_id AND sequence < $2
       AND flags & 4 <> 0 AND flags & $3 = $4 -- the first is what an index can be over
     ORDER BY sequence DESC LIMIT 1
 ) AS r
 WHERE m.meter_id = $1 AND r.sequence > coalesce(l.last_sequence, m.baseline_sequence)
   AND NOT EXISTS (
    SELECT FROM settlements s
     WHERE s.meter_id = m.meter_id AND s.sequence = r.sequence AND s.status = 'refused')
"""


async def check_settled(context: ApiContext, meter_id: bytes, before: int = ALL) -> None:
    """Check that what a meter signed below a sequence has come, and its energy is on chain.

    The settlement service takes the meters of claimed codes at once, so asking again soon helps.
    What the chain refused to settle holds nothing up.

    Raises:
        Problem: 409, something is missing, or on its way to the chain.
    """
    if before != ALL:
        delivered = await context.pool.fetchval(DELIVERED_UP_TO, meter_id)
        if delivered < before - 1:
            raise Problem(
                409,
                "ReadingsMissing",
                f"the hub has the readings up to {delivered}, not up to {before - 1}: let the"
                " device deliver them first",
            )
    waiting = await context.pool.fetchval(UNSETTLED, meter_id, before, DECIDING_BITS, SETTLEABLE)
    if waiting is not None:
        raise Problem(
            409, "NotSettled", f"reading {waiting} is on its way to the chain: try again soon"
        )
