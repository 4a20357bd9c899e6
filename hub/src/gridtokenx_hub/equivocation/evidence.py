"""The proof: both messages, the first put together again from its stored readings."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from gridtokenx_hub.leadership import Connection
from gridtokenx_protocol import cose
from gridtokenx_protocol.errors import BadSignature
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.record import Record

FIRST = """
SELECT r.*, (SELECT deployment FROM hub_state) AS deployment
FROM readings r
WHERE r.meter_id = $1 AND r.first_sequence = (
    SELECT first_sequence FROM readings WHERE meter_id = $1 AND sequence = $2 LIMIT 1)
ORDER BY r.sequence
"""
KEEP = """
INSERT INTO equivocations
    (meter_id, sequence, algorithm, public_key, first_message, second_message)
SELECT $1, $2, $3, $4, $5, $6
WHERE EXISTS (SELECT FROM meters WHERE meter_id = $1 AND status = 'active')
  AND (SELECT count(*) FROM equivocations WHERE meter_id = $1) < $7
ON CONFLICT DO NOTHING
"""
PROOFS_A_METER = 10
"""A flood of contradictions says no more, and must not fill the table."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A reading whose sequence has its verdict with another hash.

    Attributes:
        meter_id: The meter.
        sequence: Of both readings.
        algorithm: Kind of the key that signed both.
        public_key: That key.
        message: The second reading's message, as it came.
    """

    meter_id: bytes
    sequence: int
    algorithm: Algorithm
    public_key: bytes
    message: bytes


async def keep(connection: Connection, contradiction: Contradiction) -> None:
    """Keep the proof, one for each active meter until the chain has answered.

    Where the first reading is not stored (it was quarantined itself, or is gone by age), or another
    key signed it, there is no proof for anybody else: the quarantine has the second message.
    """
    meter_id, sequence = contradiction.meter_id, contradiction.sequence
    rows = await connection.fetch(FIRST, meter_id, sequence)
    if not rows or len(rows) != rows[0]["record_count"]:
        return
    first = _message(rows, contradiction.public_key)
    try:
        cose.verify(cose.decode(first), contradiction.algorithm, contradiction.public_key)
    except BadSignature:
        return
    await connection.execute(
        KEEP,
        meter_id,
        sequence,
        int(contradiction.algorithm),
        contradiction.public_key,
        first,
        contradiction.message,
        PROOFS_A_METER,
    )


def _message(rows: Sequence[asyncpg.Record], public_key: bytes) -> bytes:
    payload = b"".join(_record(row).encode() for row in rows) + (rows[-1]["extras"] or b"")
    return cose.join(rows[0]["algorithm"], public_key, payload, rows[0]["signature"])


def _record(row: asyncpg.Record) -> Record:
    return Record(**{name: row[name] for name in Record.__dataclass_fields__})
