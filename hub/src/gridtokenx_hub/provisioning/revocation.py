"""A meter is ended for ever: stolen or decommissioned, on chain, at the broker and at the hub."""

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import unavailable
from gridtokenx_hub.api.transactions.delivery import Plan, deliver
from gridtokenx_hub.api.transactions.idempotency import Attempt
from gridtokenx_hub.chain import TransactionRefused
from gridtokenx_hub.provisioning.acting import plan_of
from gridtokenx_hub.provisioning.direct import direct_mandate
from gridtokenx_hub.provisioning.issuing import meter_with_owner
from gridtokenx_hub.provisioning.operator_models import RevokedMeter

STEP = "revoke_meter"
REVOKED_BY = """
SELECT tx_signature FROM events
 WHERE program = 'registry' AND name = 'MeterRevoked' AND data ->> 'meter_id' = $1
"""


async def revoke_meter(
    context: ApiContext, attempt: Attempt, caller: Principal, meter_id: bytes, reason: str
) -> RevokedMeter:
    """Revoke a meter; repeated, it answers the same.

    The chain comes first, and the hub follows it: from the event on, ingest refuses the meter's
    readings and no certificate is issued. Then the broker shuts it out.

    Raises:
        Problem: 404, no such meter; 403, it is somebody else's; 503, the chain has revoked it,
            but the broker does not follow yet.
        TransactionRefused, RegistrarUnavailable: it is not revoked.
    """
    meter = await meter_with_owner(context, meter_id)
    caller.require_user(meter["user_id"])
    tx_signature = await context.pool.fetchval(REVOKED_BY, meter_id.hex())
    if tx_signature is None:

        async def plan() -> Plan:
            mandate = await direct_mandate(
                context, caller, "revoke", meter["user_id"], meter_id, reason=reason
            )
            return plan_of(context, mandate, None, ())

        try:
            tx_signature = (await deliver(context, attempt, STEP, plan)).tx_signature
        except TransactionRefused as refused:
            if refused.name != "MeterRevoked":
                raise
            # Somebody else was faster; the answer is theirs.
            tx_signature = await context.pool.fetchval(REVOKED_BY, meter_id.hex())
            if tx_signature is None:
                raise unavailable(
                    "IndexerBehind", "the hub is still reading the chain: try again"
                ) from refused
    await shut_out(context)
    return RevokedMeter(meter_id=meter_id.hex(), tx_signature=tx_signature)


async def shut_out(context: ApiContext) -> None:
    """Have the broker follow what is revoked.

    Raises:
        Problem: 503, it does not.
    """
    if context.exclusion is None:
        return
    try:
        await context.exclusion.apply()
    except (OSError, TimeoutError):
        raise unavailable(
            "BrokerNotFollowing",
            "the meter is revoked on chain and the hub refuses it, but the broker does not read"
            " its new lists: see that `gtx-hub broker` runs, and repeat the request",
        ) from None
