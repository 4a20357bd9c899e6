"""What the database still has of a household's readings."""

from collections.abc import Mapping

import asyncpg

from gridtokenx_hub.explain.answer import (
    Chain,
    Household,
    KeptReading,
    Previous,
    Profile,
    Readings,
    Register,
    SignedRecord,
)
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.record import Record
from gridtokenx_protocol.registers import DecodingRule, decode_registers

PAGE = 500

ROWS = """
SELECT r.*, (SELECT deployment FROM hub_state) AS deployment FROM readings r
WHERE meter_id = $1 AND sequence BETWEEN $2 AND $3 ORDER BY sequence DESC LIMIT $4
"""
COUNT = "SELECT count(*) FROM readings WHERE meter_id = $1 AND sequence BETWEEN $2 AND $3"
LOST = """
SELECT first_sequence, last_sequence FROM losses
WHERE meter_id = $1 AND last_sequence >= $2 AND first_sequence <= $3 ORDER BY first_sequence
"""


def signed_record(record: Record) -> SignedRecord:
    """Return a record, whole and by its fields."""
    fields = {name: getattr(record, name) for name in Record.__dataclass_fields__}
    shown = {
        name: value.hex() if isinstance(value, bytes) else int(value)
        for name, value in fields.items()
    }
    return SignedRecord.model_validate({"record": record.encode().hex(), **shown})


async def chain(pool: asyncpg.Pool, record: Record, previous: Previous) -> Chain:
    """Count what is kept between two settled readings, both included."""
    span = (record.meter_id, previous.sequence, record.sequence)
    lost = await pool.fetch(LOST, *span)
    return Chain(
        first_sequence=previous.sequence,
        last_sequence=record.sequence,
        kept=await pool.fetchval(COUNT, *span),
        declared_lost=sum(row["last_sequence"] - row["first_sequence"] + 1 for row in lost),
    )


async def household(pool: asyncpg.Pool, record: Record) -> Household:
    """Return the reading directly before a settlement reading, with the raw registers."""
    before = record.sequence - 1
    row = await pool.fetchrow(ROWS, record.meter_id, before, before, 1)
    if row is None:
        return Household(state="no_longer_kept")
    reading, extras = signed_record(_record(row)), row["extras"] or b""
    told = decode_map(extras) if extras else {}
    try:
        profile, registers = _profile(told), _registers(told)
    except (Malformed, KeyError, TypeError, AttributeError):
        return Household(state="without_registers", reading=reading, extras=extras.hex() or None)
    return Household(
        state="shown", reading=reading, extras=extras.hex(), profile=profile, registers=registers
    )


async def page(pool: asyncpg.Pool, record: Record, previous: Previous, below: int) -> Readings:
    """Return the readings between two settled readings, from below a sequence downwards."""
    last = min(below, record.sequence + 1) - 1
    span = (record.meter_id, previous.sequence, last)
    rows = await pool.fetch(ROWS, *span, PAGE)
    return Readings(
        readings=[
            KeptReading(
                sequence=row["sequence"],
                record=_record(row).encode().hex(),
                extras=row["extras"] and row["extras"].hex(),
            )
            for row in rows
        ],
        declared_lost=[tuple(row) for row in await pool.fetch(LOST, *span)],
        next_below=rows[-1]["sequence"] if len(rows) == PAGE else None,
    )


def _record(row: asyncpg.Record) -> Record:
    return Record(**{name: row[name] for name in Record.__dataclass_fields__})


def _profile(told: Mapping[object, object]) -> Profile:
    profile = told["profile"]
    if not isinstance(profile, Mapping):
        raise TypeError("a profile is a map")
    return Profile(
        name=profile["name"], document=profile["document"], digest=profile["digest"].hex()
    )


def _registers(told: Mapping[object, object]) -> list[Register]:
    raw, rules = told["registers"], told["decoding"]
    if not isinstance(raw, Mapping) or not isinstance(rules, Mapping):
        raise TypeError("registers and their decoding are maps")
    return [_register(name, raw[name], rules[name]) for name in raw]


def _register(name: str, raw: bytes, fields: list[str | int | bool]) -> Register:
    rule = DecodingRule.from_signed_form(fields)
    try:
        value = decode_registers(rule, raw)
    except Malformed:
        value = None
    return Register(quantity=name, raw=raw.hex(), rule=fields, value=value)
