"""A device claims a code: from then on the code is good for this device's key alone."""

import os

import asyncpg

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.fields import ALGORITHMS
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.provisioning.acting import check_meter, check_purpose
from gridtokenx_hub.provisioning.issuing import meter_with_owner
from gridtokenx_hub.provisioning.models import BrokerAddress, Claim, ClaimMeter
from gridtokenx_hub.provisioning.store import Code, code_by_id, present_code
from gridtokenx_hub.registrar import DeviceKey, Limits
from gridtokenx_hub.registrar.mandate import MILLIWATTS_PER_WATT
from gridtokenx_protocol.keys import check_public_key
from gridtokenx_protocol.record import METER_ID_SIZE
from gridtokenx_protocol.units import format_kwh

MAX_CLOCK_DIFFERENCE_MS = 60_000
BY_KEY_IN_FORCE = frozenset({"replace_meter", "transfer", "revoke"})
"""Purposes that the device beside the meter claims with the key that it has."""

BIND = """
UPDATE provisioning_codes
   SET algorithm = $2, public_key = $3, claimed_at = $4, meter_id = coalesce(meter_id, $5),
       serial = coalesce(serial, $6)
 WHERE id = $1 AND public_key IS NULL
"""


async def claim(context: ApiContext, caller: str, body: ClaimMeter) -> Claim:
    """Bind a code to a device's key; the same device gets the same answer again.

    Raises:
        ProtocolError: the key is none that the chain accepts.
        Problem: 404, 410 and 429 of the code; 409, the clock is off, the code is for another
            meter or purpose, or another device has it.
    """
    code = await present_code(context, caller, body.code)
    check_purpose(code, body.purpose)
    if body.meter_id is not None:
        check_meter(code, bytes.fromhex(body.meter_id))
    key = DeviceKey(ALGORITHMS[body.algorithm], body.public_key)
    check_public_key(key.algorithm, key.public_key)
    now_ms = int(context.clock().timestamp() * 1000)
    _check_clock(body.time_ms - now_ms)
    if code.serial is not None and code.serial != body.serial and code.mandate.key is None:
        raise _another_meter("its serial number is another")
    if body.purpose in BY_KEY_IN_FORCE:
        await _check_current_key(context, code, key)
    await context.pool.execute(
        BIND,
        code.mandate.code_id,
        int(key.algorithm),
        key.public_key,
        context.clock(),
        os.urandom(METER_ID_SIZE),
        body.serial,
    )
    claimed = await code_by_id(context, code.mandate.code_id)
    if claimed.mandate.key != key or claimed.done_at is not None:
        raise Problem(409, "CodeUsed", "the code is used: ask the operator for another")
    if claimed.serial != body.serial:
        raise _another_meter("its serial number is another")
    return await _answer(context, claimed, now_ms)


def _check_clock(ahead_ms: int) -> None:
    if abs(ahead_ms) > MAX_CLOCK_DIFFERENCE_MS:
        direction = "ahead of" if ahead_ms > 0 else "behind"
        raise Problem(
            409,
            "ClockOff",
            f"the device's clock is {abs(ahead_ms) // 1000} s {direction} the hub's: set it",
        )


def _another_meter(detail: str) -> Problem:
    return Problem(409, "CodeForAnotherMeter", f"the code is for another meter: {detail}")


async def _check_current_key(context: ApiContext, code: Code, key: DeviceKey) -> None:
    """Check that the device is the one beside the meter; once revoked, it still is."""
    meter = await meter_with_owner(context, code.mandate.meter_id or b"")
    if (meter["algorithm"], meter["public_key"]) != (key.algorithm, key.public_key):
        raise _another_meter("this device's key is not the one that the registry has for it")


async def _answer(context: ApiContext, code: Code, now_ms: int) -> Claim:
    mandate, info = code.mandate, context.deployment
    limits, suspended = mandate.limits, False
    if limits is None:
        meter = await meter_with_owner(context, mandate.meter_id or b"")
        limits, suspended = _present_limits(meter), meter["status"] == "suspended"
    return Claim(
        meter_id=(mandate.meter_id or b"").hex(),
        deployment=info.deployment.hex(),
        settlement_interval_s=info.settlement_interval_s,
        ack_key=info.ack_public_key.hex(),
        ack_algorithm=info.ack_algorithm,
        export_limit_w=limits.export_limit_mw // MILLIWATTS_PER_WATT,
        import_limit_w=limits.import_limit_mw // MILLIWATTS_PER_WATT,
        daily_export_limit_kwh=format_kwh(limits.daily_export_limit_mwh),
        owner_wallet=str(mandate.owner),
        owner_name=code.owner_name,
        suspended=suspended,
        broker=BrokerAddress(host=context.broker.name, port=context.broker.port),
        ca_pem=context.authority.certificate_pem if context.authority else None,
        hub_time_ms=now_ms,
    )


def _present_limits(meter: asyncpg.Record) -> Limits:
    return Limits(
        meter["export_limit_mw"], meter["import_limit_mw"], meter["daily_export_limit_mwh"]
    )
