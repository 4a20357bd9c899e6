"""How far a claim is, and its end: what the commissioning sheet says."""

from typing import Literal

import asyncpg

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem, unavailable
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.provisioning.acting import check_meter
from gridtokenx_hub.provisioning.issuing import meter_with_owner
from gridtokenx_hub.provisioning.models import ClaimStatus, Handover, LastReading
from gridtokenx_hub.provisioning.store import Code, present_code
from gridtokenx_hub.registrar import Mandate
from gridtokenx_protocol.keys import key_id

LAST_READING = """
SELECT sequence, time_ms, produced_mwh, consumed_mwh FROM readings
 WHERE meter_id = $1 ORDER BY sequence DESC LIMIT 1
"""


async def status(context: ApiContext, caller: str, text: str, meter_id: bytes) -> ClaimStatus:
    """Tell how far a claim is, with the meter's last stored reading.

    Raises:
        Problem: 404, 410 and 429 of the code; 409, it is for another meter.
    """
    code = await present_code(context, caller, text)
    check_meter(code, meter_id)
    registered = await context.pool.fetchval(
        "SELECT true FROM meters WHERE meter_id = $1", meter_id
    )
    reading = await context.pool.fetchrow(LAST_READING, meter_id)
    return ClaimStatus(
        state=_state(code),
        registered=bool(registered),
        tx_signature=code.tx_signature,
        last_reading=LastReading(**dict(reading)) if reading else None,
    )


def _state(code: Code) -> Literal["open", "claimed", "done"]:
    if code.done_at is not None:
        return "done"
    return "open" if code.claimed_at is None else "claimed"


async def hand_over(context: ApiContext, caller: str, text: str, meter_id: bytes) -> Handover:
    """Close a code whose work is done; repeated, it answers the same.

    Raises:
        Problem: 404, 410 and 429 of the code; 409, it is for another meter, or its work is not
            done; 503, the hub has not read it from the chain yet.
    """
    code = await present_code(context, caller, text)
    check_meter(code, meter_id)
    if code.tx_signature is None:
        raise Problem(
            409, "NotDoneYet", f"what the code is for, {code.mandate.purpose}, comes first"
        )
    meter = await meter_with_owner(context, meter_id)
    if not _followed(code.mandate, meter):
        raise unavailable("IndexerBehind", "the hub is still reading the chain: try again")
    await context.pool.execute(
        "UPDATE provisioning_codes SET done_at = coalesce(done_at, $2) WHERE id = $1",
        code.mandate.code_id,
        context.clock(),
    )
    return Handover(
        meter_id=meter_id.hex(),
        tx_signature=code.tx_signature,
        owner_name=meter["owner_name"],
        owner_wallet=meter["owner_wallet"],
        key_id=key_id(meter["public_key"]).hex(),
        registered_at=iso(meter["registered_at"]),
    )


def _followed(mandate: Mandate, meter: asyncpg.Record) -> bool:
    """Whether the meter's row shows what the mandate's transaction did."""
    match mandate.purpose:
        case "install" | "rotate_key":
            return mandate.key is not None and meter["public_key"] == mandate.key.public_key
        case "transfer":
            return bool(meter["owner_wallet"] == str(mandate.new_owner))
        case "revoke":
            return bool(meter["status"] == "revoked")
    return True
