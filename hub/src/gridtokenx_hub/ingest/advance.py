"""How far each meter's readings have verdicts without a hole: what the hub acknowledges."""

from collections.abc import Iterable, Mapping

from gridtokenx_hub.ingest import statements
from gridtokenx_hub.ingest.model import MeterId
from gridtokenx_hub.ingest.sql import Connection, Row, columns, insert
from gridtokenx_hub.ingest.verdicts import NO_HASH, Fate, Judgement, MeterState, registers_of
from gridtokenx_protocol.record import Flag

NEW = (Fate.STORED, Fate.QUARANTINED)
_GAP = int(Flag.GAP)


async def advance(
    connection: Connection, states: Mapping[MeterId, MeterState], judgements: Iterable[Judgement]
) -> None:
    """Move the states of meters that got these verdicts forward, and write all that changed.

    The verdicts are written already, in the same transaction.
    """
    holes: dict[MeterId, MeterState] = {}
    losses: list[Row] = []
    for judgement in judgements:
        if judgement.fate not in NEW:
            continue
        state = states[judgement.message.meter_id]
        state.changed = True
        if not _step(state, judgement):
            holes[state.meter_id] = state
            losses += _losses(state, judgement)
    await insert(connection, statements.INSERT_LOSSES, losses)
    await _cross(connection, holes)
    rows = [state.row() for state in states.values() if state.changed]
    if rows:
        await connection.execute(statements.UPDATE_ACKS, rows)


def _step(state: MeterState, judgement: Judgement) -> bool:
    """Move a state by one reading; False when something below that reading is missing."""
    reading = judgement.reading
    adjacent = state.sequence == state.highest_sequence and reading.sequence == state.sequence + 1
    state.highest_sequence = max(state.highest_sequence, reading.sequence)
    if not adjacent:
        return False
    state.sequence, state.hash = reading.sequence, reading.hash
    if judgement.fate is Fate.STORED and reading.record is not None:
        state.registers = registers_of(reading.record)
    return True


def _losses(state: MeterState, judgement: Judgement) -> list[Row]:
    """Return the spans that a reading declares lost, where that matters still.

    A reading with the gap flag says that its device has lost count of all before it: whatever of
    that has not come by now is not in its spool.
    """
    message, reading = judgement.message, judgement.reading
    spans = list(message.losses) if reading is message.readings[-1] else []
    if reading.record is not None and reading.record.flags & _GAP:
        spans.append((state.sequence + 1, reading.sequence - 1))
    return [
        (message.meter_id, first, last, reading.sequence)
        for first, last in spans
        if state.sequence < last and first <= last
    ]


async def _cross(connection: Connection, holes: dict[MeterId, MeterState]) -> None:
    """Follow verdicts and declared losses in the database as far as they reach."""
    moving = dict(holes)
    while moving:
        heads = columns((state.meter_id, state.sequence) for state in moving.values())
        for row in await connection.fetch(statements.NEXT_VERDICTS, *heads):
            state = moving[row["meter_id"]]
            before = state.sequence
            if row["last_sequence"] is not None:
                state.sequence, state.hash = row["last_sequence"], row["last_hash"] or NO_HASH
            for sequence, digest in zip(row["sequences"] or (), row["hashes"] or (), strict=True):
                if sequence == state.sequence + 1:
                    state.sequence, state.hash = sequence, digest
            if state.sequence == before:
                del moving[state.meter_id]
    if holes:
        heads = columns((state.meter_id, state.sequence) for state in holes.values())
        for row in await connection.fetch(statements.LAST_REGISTERS, *heads):
            registers = (row["produced_mwh"], row["consumed_mwh"], row["surplus_mwh"])
            holes[row["meter_id"]].registers = registers
