"""A meter goes to another owner; on the device nothing changes."""

import asyncio
from typing import Any

from gridtokenx_edge.keystore import load_signer
from gridtokenx_provisioning.change import Change
from gridtokenx_provisioning.live import running_agent


def transfer(change: Change) -> dict[str, Any]:
    """Give the meter to the owner that the code names, once everything is settled.

    Readings go on meanwhile, as the last interval's end has to be settled: what was signed up to
    there is the old owner's.

    Returns:
        What the sheet says.

    Raises:
        ProvisioningError, EdgeError: A step failed; what came before it is kept.
    """
    if change.done is not None:
        return change.done
    signer = load_signer(change.meter.key)
    claim = change.claim(signer, change.serial)
    asyncio.run(_transfer(change))
    last = _last_reading(change)
    change.see_live(after=last["sequence"])
    facts = {name: last[name] for name in ("time_ms", "produced_mwh", "consumed_mwh")}
    return change.close(signer, {**facts, "previous_owner": claim["owner_name"]})


async def _transfer(change: Change) -> None:
    async with running_agent(change.config, change.clock):
        await asyncio.to_thread(change.act, "transfer", {})


def _last_reading(change: Change) -> dict[str, Any]:
    status = change.hub.get(f"/claims/{change.meter.id.hex()}", change.order.code)
    reading: dict[str, Any] = status["last_reading"]
    return reading
