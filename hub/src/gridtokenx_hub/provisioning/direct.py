"""What a token's holder asks for directly: a mandate without a code, used at once."""

import datetime as dt

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.provisioning.store import code_by_id, insert_code
from gridtokenx_hub.registrar import DeviceKey, Limits, Mandate, Purpose

VALID_FOR = dt.timedelta(hours=1)
"""Longer than any blockhash: the registrar signs no older request."""


async def direct_mandate(
    context: ApiContext,
    caller: Principal,
    purpose: Purpose,
    user_id: int,
    meter_id: bytes,
    key: DeviceKey | None = None,
    limits: Limits | None = None,
    reason: str | None = None,
) -> Mandate:
    """Write down who asks for what with which meter, for the registrar to read.

    Args:
        context: the hub's parts.
        caller: whose token it is; the row names it.
        purpose: what is asked for.
        user_id: the meter's owner.
        meter_id: 16 bytes.
        key: the device's key, where a reading has to prove the request.
        limits: of a meter that is to be registered.
        reason: why, for people to read.
    """
    now = context.clock()
    code_id = await insert_code(
        context.pool,
        {
            "purpose": purpose,
            "issued_by": caller.token_id,
            "user_id": user_id,
            "meter_id": meter_id,
            "algorithm": int(key.algorithm) if key else None,
            "public_key": key.public_key if key else None,
            "export_limit_mw": limits.export_limit_mw if limits else None,
            "import_limit_mw": limits.import_limit_mw if limits else None,
            "daily_export_limit_mwh": limits.daily_export_limit_mwh if limits else None,
            "reason": reason,
            "created_at": now,
            "expires_at": now + VALID_FOR,
        },
    )
    return (await code_by_id(context, code_id)).mandate
