"""What passes from one step of ingest to the next."""

from dataclasses import dataclass
from typing import TypeAlias

from gridtokenx_protocol.record import RecordFields

MeterId: TypeAlias = bytes
Registers: TypeAlias = tuple[int, int, int]
"""Produced, consumed and surplus, mWh."""


@dataclass(slots=True)
class Reading:
    """One record that its meter's key signed.

    Attributes:
        sequence: Its sequence, at most 2^63 - 1.
        hash: SHA-256 of the record with its extras.
        record: The record; None when its content is not acceptable, see `reason`.
        extras: Extras that belong to it.
        reason: Why it is quarantined whatever the meter's other readings are; None if nothing.
        detail: The reason in words.
    """

    sequence: int
    hash: bytes
    record: RecordFields | None
    extras: bytes | None = None
    reason: str | None = None
    detail: str = ""


@dataclass(slots=True)
class Verified:
    """A message whose signature holds; each of its readings gets a verdict.

    Attributes:
        topic: Topic it came on.
        message: The message as received.
        meter_id: The meter of topic and records.
        public_key: The key it was verified with.
        cose_algorithm: COSE algorithm identifier, as signed.
        signature: 64 raw bytes.
        readings: Its readings, oldest first.
        losses: Spans of sequences that it declares lost: first and last.
    """

    topic: str
    message: bytes
    meter_id: MeterId
    public_key: bytes
    cose_algorithm: int
    signature: bytes
    readings: list[Reading]
    losses: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Refused:
    """A message that nobody can be shown to have signed: it gives no sequence a verdict."""

    topic: str
    message: bytes
    meter_id: MeterId | None
    reason: str
    detail: str


Item: TypeAlias = Verified | Refused
