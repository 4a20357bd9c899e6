"""Where the rate stands, for whoever shows it."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import asyncpg

from gridtokenx_hub.oracle.manual import ManualRate, manual_rate
from gridtokenx_hub.oracle.rounds import Round, last_posted, last_round

SILENT_AFTER = dt.timedelta(minutes=5)
"""The trading program takes no older rate."""

Standing = Literal["well", "falling_back", "silent", "never"]
"""The sources' rate is posted, or the operator's, or nothing; or there was no round yet."""


@dataclass(frozen=True, slots=True)
class OracleState:
    """The newest round, the newest whose rate is on chain, and the operator's rate in force."""

    standing: Standing
    last_round: Round | None
    last_posted: Round | None
    manual_rate: ManualRate | None


async def read_oracle_state(pool: asyncpg.Pool, now: dt.datetime) -> OracleState:
    """Return where the rate stands."""
    last = await last_round(pool)
    return OracleState(
        _standing(last, now), last, await last_posted(pool), await manual_rate(pool, now)
    )


def _standing(last: Round | None, now: dt.datetime) -> Standing:
    if last is None:
        return "never"
    if last.outcome not in {"sent", "posted"} or now - last.began_at > SILENT_AFTER:
        return "silent"
    return "well" if last.basis == "median" else "falling_back"
