"""The operator issues codes."""

import datetime as dt
from typing import Any

import asyncpg

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.households.enrolment import wallet_of
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.provisioning.codes import draw_code, hash_code
from gridtokenx_hub.provisioning.operator_models import IssueCode, IssuedCode, ListedCode
from gridtokenx_hub.provisioning.store import Code, insert_code
from gridtokenx_hub.registrar.mandate import MILLIWATTS_PER_WATT


async def issue_code(context: ApiContext, caller: Principal, body: IssueCode) -> IssuedCode:
    """Make a code; nobody can read it again.

    Raises:
        Problem: 404, no such user or meter; 409, the meter is revoked.
    """
    now = context.clock()
    text = draw_code()
    expires_at = now + dt.timedelta(seconds=body.valid_for_s)
    code_id = await insert_code(
        context.pool,
        {
            "code_hash": hash_code(text),
            "purpose": body.purpose,
            "issued_by": caller.token_id,
            "serial": body.serial,
            "created_at": now,
            "expires_at": expires_at,
            **await _terms(context, body),
        },
    )
    return IssuedCode(code_id=code_id, code=text, purpose=body.purpose, expires_at=iso(expires_at))


async def _terms(context: ApiContext, body: IssueCode) -> dict[str, Any]:
    """Return what the chain will be told."""
    if body.user_id is not None:
        await wallet_of(context, body.user_id)
        return {
            "user_id": body.user_id,
            "export_limit_mw": (body.export_limit_w or 0) * MILLIWATTS_PER_WATT,
            "import_limit_mw": (body.import_limit_w or 0) * MILLIWATTS_PER_WATT,
            "daily_export_limit_mwh": body.daily_export_limit_mwh,
        }
    meter_id = bytes.fromhex(body.meter_id or "")
    meter = await meter_with_owner(context, meter_id)
    if meter["status"] == "revoked":
        raise Problem(409, "MeterRevoked", "the meter is revoked for ever: install it anew")
    if body.new_user_id is not None:
        await wallet_of(context, body.new_user_id)
    return {
        "user_id": meter["user_id"],
        "meter_id": meter_id,
        "new_user_id": body.new_user_id,
        "reason": "decommissioned" if body.purpose == "revoke" else None,
    }


async def meter_with_owner(context: ApiContext, meter_id: bytes) -> asyncpg.Record:
    """Return a meter's row with `user_id` and `owner_name` of its owner.

    Raises:
        Problem: 404, no such meter is registered.
    """
    row = await context.pool.fetchrow(
        "SELECT m.*, u.id AS user_id, u.name AS owner_name"
        " FROM meters m JOIN users u ON u.wallet = m.owner_wallet WHERE m.meter_id = $1",
        meter_id,
    )
    if row is None:
        raise Problem(404, "UnknownMeter", f"no meter {meter_id.hex()} is registered")
    return row


def listed(code: Code, now: dt.datetime) -> ListedCode:
    """Return a code as the operator's list shows it."""
    mandate = code.mandate
    return ListedCode(
        code_id=mandate.code_id,
        purpose=mandate.purpose,
        state=code.state(now),
        owner_name=code.owner_name,
        owner_wallet=str(mandate.owner),
        meter_id=mandate.meter_id.hex() if mandate.meter_id else None,
        serial=code.serial,
        tx_signature=code.tx_signature,
        created_at=iso(code.created_at),
        expires_at=iso(code.expires_at),
        claimed_at=iso(code.claimed_at) if code.claimed_at else None,
        done_at=iso(code.done_at) if code.done_at else None,
    )
