"""What a reading message carries: one to 32 records, and extras of the last of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.record import (
    RECORD_MAGIC,
    RECORD_SIZE,
    Record,
    RecordFields,
    is_settlement,
    read_fields,
)

MAX_RECORDS = 32


def record_hash(record: bytes | Record, extras: bytes | None = None) -> bytes:
    """SHA-256 of a record with its extras, if any: the next record's ``previous_hash``."""
    data = record.encode() if isinstance(record, Record) else record
    return hashlib.sha256(data + (extras or b"")).digest()


@dataclass(frozen=True, slots=True)
class Payload:
    """Records in order, oldest first.

    Attributes:
        records: 1 to 32 records of one meter and deployment; sequences rise by one. A
            settlement reading travels alone.
        extras: Deterministic CBOR map, not empty, with text keys; it belongs to the last
            record. None when there is none.

    Raises:
        Malformed: One of these rules is broken.
    """

    records: tuple[Record, ...]
    extras: bytes | None = None

    def __post_init__(self) -> None:
        _check(self.records, self.extras)

    def encode(self) -> bytes:
        """The records one after another, then the extras."""
        return b"".join(record.encode() for record in self.records) + (self.extras or b"")

    @classmethod
    def decode(cls, data: bytes) -> "Payload":
        """Read a payload; ``Payload.decode(data).encode() == data`` for all that is accepted.

        Raises:
            Malformed: Not whole records followed by nothing or by one map of extras.
        """
        fields, extras = read_payload(data)
        return cls(tuple(Record(*each) for each in fields), extras)


def read_payload(data: bytes) -> tuple[list[RecordFields], bytes | None]:
    """Read records and extras by the same rules as ``Payload.decode``; cheap, for many.

    Raises:
        Malformed: Not whole records followed by nothing or by one map of extras.
    """
    end = 0
    records = []
    while data.startswith(RECORD_MAGIC, end):
        records.append(read_fields(data, end))
        end += RECORD_SIZE
    extras = data[end:] or None
    _check(records, extras)
    return records, extras


def _check(records: Sequence[Record | RecordFields], extras: bytes | None) -> None:
    if not 1 <= len(records) <= MAX_RECORDS:
        raise Malformed(f"a payload has 1 to {MAX_RECORDS} records")
    if len(records) == 1 and extras is None:
        return
    for record, following in pairwise(records):
        if following.meter_id != record.meter_id or following.deployment != record.deployment:
            raise Malformed("all records of a payload are of one meter and deployment")
        if following.sequence != record.sequence + 1:
            raise Malformed("sequences rise by one inside a payload")
    if any(is_settlement(record.flags) for record in records):
        raise Malformed("a settlement reading travels alone and without extras")
    if extras is not None:
        _check_extras(extras)


def _check_extras(extras: bytes) -> None:
    names = decode_map(extras)
    if not names or not all(isinstance(name, str) for name in names):
        raise Malformed("extras are a map with text keys that is not empty")
