"""What is remembered of each round of the oracle."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg

from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.oracle.judgement import Basis, Doubt, Judgement
from gridtokenx_hub.oracle.sources import Told

Outcome = Literal["withheld", "sent", "posted", "failed"]
"""Nothing to post; on its way; on chain; not on chain."""

MAX_BIGINT = 2**63 - 1

INSERT = """
INSERT INTO oracle_rounds (began_at, sources, median_micro_thb_per_grx, doubt, basis,
                           micro_thb_per_grx, tx_signature, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
"""
END = "UPDATE oracle_rounds SET outcome = $2, detail = $3 WHERE id = $1"
SENT = "SELECT id, began_at, tx_signature FROM oracle_rounds WHERE outcome = 'sent' ORDER BY id"
POSTED = "SELECT * FROM oracle_rounds WHERE outcome = 'posted' ORDER BY id DESC LIMIT 1"
PAGE = "SELECT * FROM oracle_rounds WHERE id < $1 ORDER BY id DESC LIMIT $2"


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """A rate in µTHB per GRX, or a fault."""

    name: str
    micro_thb_per_grx: int | None
    error: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """A round as it is remembered; rates in µTHB per GRX."""

    id: int
    began_at: dt.datetime
    sources: tuple[SourceAnswer, ...]
    median_micro_thb_per_grx: int | None
    doubt: Doubt | None
    basis: Basis | None
    micro_thb_per_grx: int | None
    tx_signature: str | None
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A round of which it is not known whether its transaction was executed."""

    id: int
    began_at: dt.datetime
    tx_signature: str


async def keep(
    connection: Connection,
    began_at: dt.datetime,
    told: Sequence[Told],
    judgement: Judgement,
    tx_signature: str | None,
) -> int:
    """Write a round down, before its transaction is sent; return its number."""
    sources = [
        {"name": answer.name, "micro_thb_per_grx": answer.micro_thb_per_grx}
        if answer.fault is None
        else {"name": answer.name, "error": answer.fault.fault, "detail": answer.fault.detail}
        for answer in told
    ]
    number: int = await connection.fetchval(
        INSERT,
        began_at,
        json.dumps(sources),
        judgement.median,
        judgement.doubt,
        judgement.basis,
        judgement.rate,
        tx_signature,
        "withheld" if tx_signature is None else "sent",
    )
    return number


async def end(connection: Connection, number: int, outcome: Outcome, detail: str = "") -> None:
    """Write down what became of a round's transaction."""
    await connection.execute(END, number, outcome, detail)


async def on_their_way(connection: Connection) -> list[Sent]:
    """Return the rounds that an earlier leader, or an outage, left unfinished."""
    return [Sent(**row) for row in await connection.fetch(SENT)]


async def page(pool: asyncpg.Pool, before: int, limit: int) -> list[Round]:
    """Return rounds with lower numbers, newest first."""
    return [_round(row) for row in await pool.fetch(PAGE, before, limit)]


async def last_round(pool: asyncpg.Pool) -> Round | None:
    """Return the newest round, None before the first."""
    found = await page(pool, MAX_BIGINT, 1)
    return found[0] if found else None


async def last_posted(pool: asyncpg.Pool) -> Round | None:
    """Return the newest round whose rate is on chain."""
    row = await pool.fetchrow(POSTED)
    return None if row is None else _round(row)


def _round(row: Any) -> Round:
    sources = tuple(
        SourceAnswer(
            entry["name"],
            entry.get("micro_thb_per_grx"),
            entry.get("error"),
            entry.get("detail"),
        )
        for entry in json.loads(row["sources"])
    )
    return Round(**{**row, "sources": sources})
