"""One batch of examined messages in one transaction: verdicts, readings, quarantine, acks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import asyncpg

from gridtokenx_hub.equivocation import Contradiction, keep
from gridtokenx_hub.ingest import statements
from gridtokenx_hub.ingest.advance import NEW, advance
from gridtokenx_hub.ingest.budget import QuarantineBudget
from gridtokenx_hub.ingest.model import Item, MeterId, Reading, Refused, Verified
from gridtokenx_hub.ingest.quarantine import quarantine
from gridtokenx_hub.ingest.refusals import UnknownKey, UnknownMeter
from gridtokenx_hub.ingest.rows import (
    QUARANTINED,
    STORED,
    copy_readings,
    copy_verdicts,
    reading_row,
    verdict_row,
)
from gridtokenx_hub.ingest.sql import Connection, columns, insert
from gridtokenx_hub.ingest.verdicts import (
    Fate,
    Judgement,
    MeterState,
    Neighbour,
    Surroundings,
    follows,
    judge,
    needs_surroundings,
)
from gridtokenx_protocol.cose import ALGORITHM_OF_COSE

Pairs: TypeAlias = defaultdict[MeterId, list[tuple[Verified, Reading]]]
"""Readings with their messages, by meter, in the order of their arrival."""


@dataclass(slots=True)
class Outcome:
    """What a committed batch has come to.

    Attributes:
        heads: For each meter that a verified message was of: highest sequence up to which all
            have a verdict, and its hash.
        stale: Meters whose key is not the one that their messages were verified with.
        stored: Readings written.
        duplicates: Readings that had their verdict.
        reasons: Readings and messages refused, by reason.
        unrecorded: How many of these left no row.
    """

    heads: dict[MeterId, tuple[int, bytes]] = field(default_factory=dict)
    stale: set[MeterId] = field(default_factory=set)
    stored: int = 0
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unrecorded: int = 0


async def commit(pool: asyncpg.Pool, budget: QuarantineBudget, items: Sequence[Item]) -> Outcome:
    """Give each reading of a batch its verdict and write it, all or nothing.

    To commit the same items again changes nothing: they are duplicates then.
    """
    refused = [item for item in items if isinstance(item, Refused)]
    verified = [item for item in items if isinstance(item, Verified)]
    # stable, so that of two readings that share a sequence the first to arrive is taken
    verified.sort(key=_first_sequence)
    async with pool.acquire() as connection, connection.transaction():
        states = await _lock(connection, {message.meter_id for message in verified})
        current, stale = _sort_out(verified, states)
        refused += stale
        stored, others = await _take(connection, states, current)
        judgements = await _judge(connection, states, others)
        await _write(connection, judgements)
        await advance(connection, states, judgements)
        await _keep_proofs(connection, judgements)
        refusals = quarantine(judgements, refused, budget)
        await insert(connection, statements.INSERT_QUARANTINE, refusals.rows)
    fates = Counter(judgement.fate for judgement in judgements)
    return Outcome(
        heads={
            message.meter_id: (states[message.meter_id].sequence, states[message.meter_id].hash)
            for message in current
        },
        stale={refusal.meter_id for refusal in stale if refusal.meter_id},
        stored=stored + fates[Fate.STORED],
        duplicates=fates[Fate.DUPLICATE] + fates[Fate.FORGOTTEN],
        reasons=refusals.reasons,
        unrecorded=refusals.unrecorded,
    )


def _first_sequence(message: Verified) -> int:
    return message.readings[0].sequence


async def _take(
    connection: Connection, states: Mapping[MeterId, MeterState], messages: Iterable[Verified]
) -> tuple[int, Pairs]:
    """Store what is simply each meter's next; return how many, and all others by meter."""
    verdicts: list[bytes] = []
    readings: list[bytes] = []
    others: Pairs = defaultdict(list)
    for message in messages:
        state = states[message.meter_id]
        for reading in message.readings:
            if follows(state, reading):
                state.take(reading)
                verdicts.append(verdict_row(message.meter_id, reading, STORED))
                readings.append(reading_row(message, reading))
            else:
                others[message.meter_id].append((message, reading))
    await copy_verdicts(connection, verdicts)
    await copy_readings(connection, readings)
    return len(readings), others


async def _keep_proofs(connection: Connection, judgements: Iterable[Judgement]) -> None:
    """Keep the first contradiction of each meter: one is enough to suspend it."""
    found: dict[MeterId, Contradiction] = {}
    for judgement in judgements:
        if judgement.fate is Fate.EQUIVOCATION:
            message = judgement.message
            contradiction = Contradiction(
                message.meter_id,
                judgement.reading.sequence,
                ALGORITHM_OF_COSE[message.cose_algorithm],
                message.public_key,
                message.message,
            )
            found.setdefault(message.meter_id, contradiction)
    for contradiction in found.values():
        await keep(connection, contradiction)


async def acknowledged(pool: asyncpg.Pool) -> dict[MeterId, tuple[int, bytes]]:
    """Return what every meter's ack says: sequence and hash."""
    rows = await pool.fetch("SELECT meter_id, sequence, hash FROM acks WHERE sequence > 0")
    return {row["meter_id"]: (row["sequence"], row["hash"]) for row in rows}


async def _lock(connection: Connection, meter_ids: set[MeterId]) -> dict[MeterId, MeterState]:
    """Lock the meters' rows, made from their registration where they are not there yet."""
    states = await _locked(connection, meter_ids)
    absent = meter_ids - states.keys()
    if absent:
        await connection.execute(statements.SEED, list(absent))
        states |= await _locked(connection, absent)
    return states


async def _locked(connection: Connection, meter_ids: set[MeterId]) -> dict[MeterId, MeterState]:
    if not meter_ids:
        return {}
    found = {}
    for row in await connection.fetch(statements.LOCK, list(meter_ids)):
        meter_id, sequence, digest, highest, *registers, key, previous, last, status = row
        found[meter_id] = MeterState(
            meter_id,
            sequence,
            digest,
            highest,
            tuple(registers),
            key,
            previous,
            last,
            status == "revoked",
        )
    return found


def _sort_out(
    messages: Iterable[Verified], states: Mapping[MeterId, MeterState]
) -> tuple[list[Verified], list[Refused]]:
    """Part the messages whose key is their meter's from those whose key is not."""
    current, stale = [], []
    for message in messages:
        state = states.get(message.meter_id)
        reason, fault = UnknownMeter.reason, "the meter is not registered any more"
        if state is not None:
            reason, fault = UnknownKey.reason, state.fault_of_key(message)
        if fault:
            stale.append(Refused(message.topic, message.message, message.meter_id, reason, fault))
        else:
            current.append(message)
    return current, stale


async def _judge(
    connection: Connection, states: Mapping[MeterId, MeterState], readings: Pairs
) -> list[Judgement]:
    unclear = {
        (meter_id, reading.sequence)
        for meter_id, pairs in readings.items()
        for _, reading in pairs
        if needs_surroundings(states[meter_id], reading.sequence)
    }
    around = await _surroundings(connection, states, unclear)
    return [
        judgement
        for meter_id, pairs in readings.items()
        for judgement in judge(states[meter_id], pairs, around[meter_id])
    ]


async def _surroundings(
    connection: Connection,
    states: Mapping[MeterId, MeterState],
    unclear: set[tuple[MeterId, int]],
) -> defaultdict[MeterId, dict[int, Surroundings]]:
    found: defaultdict[MeterId, dict[int, Surroundings]] = defaultdict(dict)
    if not unclear:
        return found
    for row in await connection.fetch(statements.SURROUNDINGS, *columns(unclear)):
        state = states[row["meter_id"]]
        before = _neighbour(row, "before")
        if before is None and row["sequence"] > state.sequence:
            before = state.head()
        found[state.meter_id][row["sequence"]] = Surroundings(
            hash=row["hash"],
            previous_hash=row["previous_hash"],
            before=before,
            after=_neighbour(row, "after"),
            forgotten=row["forgotten"],
        )
    return found


def _neighbour(row: asyncpg.Record, side: str) -> Neighbour | None:
    if row[f"{side}_sequence"] is None:
        return None
    return Neighbour(
        sequence=row[f"{side}_sequence"],
        registers=(
            row[f"{side}_produced_mwh"],
            row[f"{side}_consumed_mwh"],
            row[f"{side}_surplus_mwh"],
        ),
        flags=row[f"{side}_flags"],
        previous_hash=row[f"{side}_previous_hash"],
    )


async def _write(connection: Connection, judgements: Iterable[Judgement]) -> None:
    verdicts: list[bytes] = []
    readings: list[bytes] = []
    baselines: dict[MeterId, Judgement] = {}
    for judgement in judgements:
        message, reading = judgement.message, judgement.reading
        if judgement.fate in NEW:
            verdict = STORED if judgement.fate is Fate.STORED else QUARANTINED
            verdicts.append(verdict_row(message.meter_id, reading, verdict))
        if judgement.fate is Fate.STORED:
            readings.append(reading_row(message, reading))
        elif judgement.fate is Fate.DUPLICATE and reading.sequence == 1:
            baselines[message.meter_id] = judgement
    absent = [baselines[meter_id] for meter_id in await _absent(connection, baselines)]
    readings += [reading_row(baseline.message, baseline.reading) for baseline in absent]
    await copy_verdicts(connection, verdicts)
    await copy_readings(connection, readings)


async def _absent(connection: Connection, baselines: Iterable[MeterId]) -> list[MeterId]:
    """Return the meters whose baseline has its verdict from the chain, but has not come before."""
    rows = columns((meter_id, 1) for meter_id in baselines)
    if not rows:
        return []
    return [row["meter_id"] for row in await connection.fetch(statements.ABSENT, *rows)]
