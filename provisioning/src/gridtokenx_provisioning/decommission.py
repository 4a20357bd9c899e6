"""A meter's service ends: everything is delivered and settled, then it is revoked for ever."""

import asyncio
from typing import Any

from gridtokenx_edge.errors import NotProvisioned
from gridtokenx_edge.guards import Accepted
from gridtokenx_edge.keystore import load_signer
from gridtokenx_edge.spool import Spool
from gridtokenx_protocol.keys import Signer
from gridtokenx_provisioning.change import Change
from gridtokenx_provisioning.delivery import deliver


def decommission(change: Change) -> dict[str, Any]:
    """Deliver what is left, have it settled, and have the meter revoked.

    Returns:
        What the sheet says.

    Raises:
        ProvisioningError, EdgeError: A step failed; what came before it is kept.
    """
    if change.done is not None:
        return change.done
    change.refuse_running_agent()
    signer = load_signer(change.meter.key)
    change.claim(signer, change.serial)
    last = asyncio.run(_end(change, signer))
    facts = {
        "time_ms": last.time_ms,
        "produced_mwh": last.produced_mwh,
        "consumed_mwh": last.consumed_mwh,
    }
    done = change.close(signer, facts)
    change.say("agent: sudo systemctl disable gtx-edge gtx-provision-renew.timer")
    return done


async def _end(change: Change, signer: Signer) -> Accepted:
    """Have it revoked while no agent runs; return the last registers that were signed."""
    spool = Spool.open(change.meter.spool)
    try:
        if spool.state is None:
            raise NotProvisioned(f"meter {change.meter.id.hex()} has no baseline: nothing to end")
        if "change" not in change.progress:
            change.say("delivery: what is left goes to the hub")
            await deliver(change.meter, signer, spool, change.clock, change.order.patience_s)
        await asyncio.to_thread(change.act, "decommissioning", {})
        return spool.state.accepted
    finally:
        spool.close()
