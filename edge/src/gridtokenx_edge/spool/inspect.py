"""Looking at a spool from outside: figures, and a walk along its hash chain."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gridtokenx_edge.records import Range
from gridtokenx_edge.spool.cap import used_bytes
from gridtokenx_edge.spool.dropped import merge
from gridtokenx_edge.spool.state import load_ack, load_chain
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.errors import BadSignature, ProtocolError
from gridtokenx_protocol.keys import PUBLIC_KEY_SIZE, key_id
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import NO_PREVIOUS_HASH, Flag

_ALGORITHMS: Final = {size: algorithm for algorithm, size in PUBLIC_KEY_SIZE.items()}


def stats(connection: sqlite3.Connection) -> dict[str, int | None]:
    """Figures of a spool, for the operator."""
    count, kept, first, last = connection.execute(
        "SELECT count(*), coalesce(sum(kept), 0), min(sequence), max(sequence) FROM reading"
    ).fetchone()
    chain, ack = load_chain(connection), load_ack(connection)
    acked = ack.sequence if ack else 0
    (waiting,) = connection.execute(
        "SELECT count(*) FROM reading WHERE sequence > ?", (acked,)
    ).fetchone()
    (undeclared,) = connection.execute(
        "SELECT coalesce(sum(last - first + 1), 0) FROM dropped WHERE declared_by IS NULL"
    ).fetchone()
    return {
        "readings": count,
        "settlement_readings": kept,
        "waiting_for_ack": waiting,
        "bytes": used_bytes(connection),
        "first_sequence": first,
        "last_sequence": last,
        "acked_sequence": acked,
        "dropped_undeclared": undeclared,
        "last_time_ms": chain.accepted.time_ms if chain else None,
        "surplus_mwh": chain.boundary.surplus_mwh if chain else None,
    }


@dataclass(slots=True)
class Report:
    """Result of a walk.

    Attributes:
        readings: How many were checked.
        holes: Ranges that are not held, each with a good reason.
        problems: What is wrong, in words; empty when all is well.
    """

    readings: int = 0
    holes: list[Range] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def verify(connection: sqlite3.Connection, public_keys: Sequence[bytes]) -> Report:
    """Walk all readings: signature, sequence, stored hash, and the link to the one before.

    Args:
        connection: The spool.
        public_keys: That signed it, oldest first: once one has begun, none before it may sign.

    A hole is in order when everything in it has its ack, when its loss is noted or declared,
    or when the reading behind it says that there is a gap.
    """
    report = Report()
    keys = {key_id(key): (place, key) for place, key in enumerate(public_keys)}
    in_force = 0
    ack = load_ack(connection)
    excused = [Range(0, ack.sequence)] if ack else []
    excused += [Range(*row) for row in connection.execute("SELECT first, last FROM dropped")]
    expected_hash, previous = NO_PREVIOUS_HASH, 0
    rows = connection.execute("SELECT sequence, message, hash FROM reading ORDER BY sequence")
    for sequence, message, stored_hash in rows:
        report.readings += 1
        try:
            payload, in_force = _open(message, keys, in_force)
        except ProtocolError as error:
            report.problems.append(f"reading {sequence}: {error}")
            expected_hash, previous = stored_hash, sequence
            continue
        (record,) = payload.records
        excused += _declared(payload)
        if record.sequence != sequence or record_hash(record, payload.extras) != stored_hash:
            report.problems.append(f"reading {sequence}: sequence or hash differ from its message")
        if sequence == previous + 1:
            if record.previous_hash != expected_hash:
                report.problems.append(f"reading {sequence}: does not follow {previous}")
        else:
            hole = Range(previous + 1, sequence - 1)
            report.holes.append(hole)
            if record.flags & Flag.GAP:
                excused.append(hole)
        expected_hash, previous = stored_hash, sequence
    _judge_holes(report, excused)
    chain = load_chain(connection)
    if chain and report.readings and (previous > chain.last_sequence):
        report.problems.append("the chain's state is behind its last reading")
    return report


def _open(
    message: bytes, keys: Mapping[bytes, tuple[int, bytes]], in_force: int
) -> tuple[Payload, int]:
    """The content of a message, and the place of the key that signed it."""
    signed = cose.decode(message)
    place, key = keys.get(signed.kid, (-1, b""))
    if place < in_force:
        raise BadSignature("signed by a key that is none of this meter's, or by one before it")
    cose.verify(signed, _ALGORITHMS[len(key)], key)
    return Payload.decode(signed.payload), place


def _declared(payload: Payload) -> list[Range]:
    if payload.extras is None:
        return []
    return [Range(*lost) for lost in decode_map(payload.extras).get("dropped", [])]


def _judge_holes(report: Report, excused: list[Range]) -> None:
    covers = merge(excused)
    for hole in report.holes:
        if not any(cover.first <= hole.first and hole.last <= cover.last for cover in covers):
            report.problems.append(
                f"readings {hole.first} to {hole.last} are missing without a reason"
            )
