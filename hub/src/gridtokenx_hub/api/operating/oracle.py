"""The price oracle for operators: its state, its rounds, and their own rate."""

import datetime as dt
from decimal import Decimal

import asyncpg

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.pagination import MAX_BIGINT, page_of, read_cursor
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.api.operating.oracle_models import (
    ManualRateShown,
    OracleRound,
    OracleRounds,
    OracleState,
    SetManualRate,
    SourceRate,
)
from gridtokenx_hub.oracle import rounds
from gridtokenx_hub.oracle.errors import ManualRateRefused
from gridtokenx_hub.oracle.manual import (
    ManualRate,
    revoke_manual_rate,
    set_manual_rate,
)
from gridtokenx_hub.oracle.state import read_oracle_state
from gridtokenx_protocol.units import format_grx

ORDER = "oracle rounds"


async def oracle_state(pool: asyncpg.Pool, now: dt.datetime) -> OracleState:
    """Return where the rate stands."""
    found = await read_oracle_state(pool, now)
    last, posted, manual = found.last_round, found.last_posted, found.manual_rate
    return OracleState(
        state=found.standing,
        last_round=None if last is None else _shown(last),
        last_posted=None if posted is None else _shown(posted),
        manual_rate=None if manual is None else shown_manual_rate(manual),
    )


async def oracle_rounds(pool: asyncpg.Pool, limit: int, cursor: str | None) -> OracleRounds:
    """Return a page of rounds, newest first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    (before,) = read_cursor(ORDER, cursor, int) or (MAX_BIGINT,)
    found = await rounds.page(pool, before, limit + 1)
    page, following = page_of(found, limit, ORDER, lambda each: (each.id,))
    return OracleRounds(rounds=[_shown(each) for each in page], next=following)


async def put_in_force(
    context: ApiContext, caller: Principal, body: SetManualRate
) -> ManualRateShown:
    """Set an operator's rate; the next round takes it where the sources do not do.

    Raises:
        Problem: 422, its end is not within 24 hours.
    """
    who = await _name_of(context.pool, caller)
    try:
        made = await set_manual_rate(
            context.pool, body.thb_per_grx, body.reason, who, body.ends_at, context.clock()
        )
    except ManualRateRefused as refused:
        raise Problem(422, "InvalidManualRate", str(refused)) from refused
    return shown_manual_rate(made)


async def end_manual_rate(context: ApiContext, caller: Principal) -> None:
    """End the operator's rate that is in force.

    Raises:
        Problem: 404, there is none.
    """
    who = await _name_of(context.pool, caller)
    if not await revoke_manual_rate(context.pool, who, context.clock()):
        raise Problem(404, "NoManualRate", "no rate of an operator is in force")


def shown_manual_rate(rate: ManualRate) -> ManualRateShown:
    """Return a rate as the API shows it."""
    return ManualRateShown(
        thb_per_grx=format_grx(rate.micro_thb_per_grx),
        reason=rate.reason,
        set_by=rate.set_by,
        set_at=iso(rate.set_at),
        ends_at=iso(rate.ends_at),
    )


async def _name_of(pool: asyncpg.Pool, caller: Principal) -> str:
    label = await pool.fetchval("SELECT label FROM api_tokens WHERE id = $1", caller.token_id)
    return f"token {caller.token_id} ({label})" if label else f"token {caller.token_id}"


def _shown(found: rounds.Round) -> OracleRound:
    return OracleRound(
        number=found.id,
        began_at=iso(found.began_at),
        outcome=found.outcome,
        thb_per_grx=_thb(found.micro_thb_per_grx),
        basis=found.basis,
        median_thb_per_grx=_thb(found.median_micro_thb_per_grx),
        doubt=found.doubt,
        sources=[
            SourceRate(
                name=source.name,
                thb_per_grx=_thb(source.micro_thb_per_grx),
                error=source.error,
                detail=source.detail,
            )
            for source in found.sources
        ],
        tx_signature=found.tx_signature,
        detail=found.detail or None,
    )


def _thb(micro_thb: int | None) -> Decimal | None:
    return None if micro_thb is None else format_grx(micro_thb)
