"""From bytes on a topic to readings that their meter's key has signed.

Nothing here looks at the meter's other readings: that is judged where they are locked.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

from gridtokenx_hub.ingest.keyring import MeterKey
from gridtokenx_hub.ingest.model import Item, MeterId, Reading, Refused, Verified
from gridtokenx_hub.ingest.refusals import (
    OutOfRange,
    UnknownKey,
    UnknownMeter,
    WrongDeployment,
    WrongMeter,
)
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.errors import BadTopic, Malformed, ProtocolError
from gridtokenx_protocol.payload import MAX_RECORDS, read_payload, record_hash
from gridtokenx_protocol.record import RECORD_MAGIC, RECORD_SIZE, RecordFields
from gridtokenx_protocol.topics import parse_topic

MAX_AHEAD_MS = 60_000
MAX_INT64 = 2**63 - 1
MAX_LOSSES = 64
"""Spans in one message; each is one row, however long it is."""

_HEAD = struct.Struct("<4s16sQ")
"""Deployment, meter id and sequence, behind a record's magic."""
_parse_topic = lru_cache(maxsize=65_536)(parse_topic)

Spans: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Opened:
    """A message taken apart, not verified yet."""

    topic: str
    message: bytes
    meter_id: MeterId
    signed: cose.SignedMessage


def open_message(topic: str, message: bytes) -> Opened | Refused:
    """Take a message apart, as far as that can be done without a key."""
    meter_id = None
    try:
        meter_id, kind = _parse_topic(topic)
        if kind != "readings":
            raise BadTopic("readings come on a meter's topic for readings")
        return Opened(topic, message, meter_id, cose.decode(message))
    except ProtocolError as error:
        return Refused(topic, message, meter_id, error.reason, str(error))


def examine(opened: Opened, keys: Sequence[MeterKey], deployment: bytes, now_ms: int) -> Item:
    """Verify a message and read its records.

    Args:
        opened: The message.
        keys: The keys of its topic's meter; none when that meter is not registered.
        deployment: The deployment's 4 bytes.
        now_ms: The hub's time.
    """
    try:
        key = _verify(opened.signed, keys)
        _check_claims(opened.signed.payload, opened.meter_id, deployment)
        readings, losses = _read(opened.signed.payload, now_ms)
    except ProtocolError as error:
        return Refused(opened.topic, opened.message, opened.meter_id, error.reason, str(error))
    return Verified(
        topic=opened.topic,
        message=opened.message,
        meter_id=opened.meter_id,
        public_key=key.public_key,
        cose_algorithm=opened.signed.cose_algorithm,
        signature=opened.signed.signature,
        readings=readings,
        losses=losses,
    )


def _verify(signed: cose.SignedMessage, keys: Sequence[MeterKey]) -> MeterKey:
    """Return the key that signed the message."""
    for key in keys:
        if signed.kid == key.kid:
            key.verify(signed)
            return key
    if not keys:
        raise UnknownMeter("no meter of this id is registered")
    raise UnknownKey(f"the meter's key is {keys[0].kid.hex()}, not {signed.kid.hex()}")


def _check_claims(payload: bytes, meter_id: MeterId, deployment: bytes) -> None:
    """Check that the first record is of this meter, here, and one that a verdict can name."""
    if len(payload) < RECORD_SIZE or not payload.startswith(RECORD_MAGIC):
        raise Malformed("a payload begins with a whole record")
    its_deployment, its_meter_id, sequence = _HEAD.unpack_from(payload, len(RECORD_MAGIC))
    if its_meter_id != meter_id:
        raise WrongMeter(f"the record is of meter {its_meter_id.hex()}")
    if its_deployment != deployment:
        raise WrongDeployment(
            f"the record is of deployment {its_deployment.hex()}, this is {deployment.hex()}"
        )
    if sequence < 1:
        raise Malformed("a sequence starts at 1")
    if sequence > MAX_INT64 - MAX_RECORDS:
        raise OutOfRange(f"sequence {sequence} is beyond what can be stored")


def _read(payload: bytes, now_ms: int) -> tuple[list[Reading], Spans]:
    """Read the records of a payload that a registered key has signed."""
    try:
        records, extras = read_payload(payload)
    except Malformed as error:
        return _unreadable(payload, str(error)), ()
    readings = []
    start = 0
    for record in records:
        end = start + RECORD_SIZE
        digest = sha256(payload[start:end]).digest()
        readings.append(Reading(record.sequence, digest, record))
        if record.time_ms > now_ms + MAX_AHEAD_MS or _any_above_int64(record):
            _mark_out_of_range(readings[-1], record, now_ms)
        start = end
    if extras is None:
        return readings, ()
    last = readings[-1]
    last.hash, last.extras = record_hash(payload[start - RECORD_SIZE : start], extras), extras
    try:
        return readings, _losses(extras, last.sequence)
    except Malformed as error:
        last.reason, last.detail = error.reason, str(error)
        return readings, ()


def _any_above_int64(record: RecordFields) -> bool:
    """Tell whether a register has its highest bit set, which PostgreSQL has no room for."""
    return record.produced_mwh | record.consumed_mwh | record.surplus_mwh > MAX_INT64


def _mark_out_of_range(reading: Reading, record: RecordFields, now_ms: int) -> None:
    if record.time_ms > now_ms + MAX_AHEAD_MS:
        reading.reason = "future"
        reading.detail = f"its time {record.time_ms} is ahead of the hub's {now_ms}"
    else:
        reading.reason = OutOfRange.reason
        reading.detail = "a register is beyond what can be stored"


def _losses(extras: bytes, declared_by: int) -> Spans:
    spans = decode_map(extras).get("dropped", [])
    if not isinstance(spans, list) or len(spans) > MAX_LOSSES:
        raise Malformed(f"dropped is a list of at most {MAX_LOSSES} spans")
    for span in spans:
        if (
            not isinstance(span, list)
            or [type(end) for end in span] != [int, int]
            or not 1 <= span[0] <= span[1] < declared_by
        ):
            raise Malformed("a dropped span is [from, to], both before the reading that says so")
    return tuple((first, last) for first, last in spans)


def _unreadable(payload: bytes, detail: str) -> list[Reading]:
    """Return the readings that an unreadable payload holds, each to be quarantined.

    The device signed these sequences. Without a verdict its spool would send them for ever, for
    example after an update that sets a flag which this hub does not know yet.
    """
    starts = [0]
    while (
        len(starts) < MAX_RECORDS
        and payload.startswith(RECORD_MAGIC, starts[-1] + RECORD_SIZE)
        and len(payload) >= starts[-1] + 2 * RECORD_SIZE
    ):
        starts.append(starts[-1] + RECORD_SIZE)
    _, _, first = _HEAD.unpack_from(payload, len(RECORD_MAGIC))
    readings = []
    for index, start in enumerate(starts):
        end = start + RECORD_SIZE
        extras = payload[end:] if start == starts[-1] else b""
        digest = record_hash(payload[start:end], extras)
        readings.append(Reading(first + index, digest, None, None, Malformed.reason, detail))
    return readings
