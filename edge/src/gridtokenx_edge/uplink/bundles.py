"""Joining readings that wait, so that a backlog drains under few signatures."""

from collections.abc import Sequence
from dataclasses import dataclass

from gridtokenx_edge.records import Range
from gridtokenx_edge.spool import Pending
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Signer, key_id
from gridtokenx_protocol.payload import MAX_RECORDS, Payload
from gridtokenx_protocol.record import Record


@dataclass(frozen=True, slots=True)
class Bundle:
    """A message, and the readings that it carries."""

    carried: Range
    message: bytes


class Bundler:
    """Makes messages of readings, signing anew where several travel together.

    Every reading was signed alone when it was written. Up to 32 neighbours become one message:
    their bytes, and so their hashes, stay as they are. A settlement reading travels alone, and
    extras belong to the last record of a message. What an earlier key signed travels as it is:
    each sequence has one key that may sign it.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._kid = key_id(signer.public_key)

    def bundles(self, readings: Sequence[Pending]) -> list[Bundle]:
        """The messages that carry these readings, which are in the order of their sequences."""
        if len(readings) == 1:
            return [_alone(readings[0])]
        made: list[Bundle] = []
        joined: list[tuple[Pending, Payload]] = []
        for reading in readings:
            signed = cose.decode(reading.message)
            payload = Payload.decode(signed.payload)
            ours = signed.kid == self._kid
            if joined and not (ours and _may_follow(joined, payload.records[0])):
                made.append(self._join(joined))
                joined = []
            if ours:
                joined.append((reading, payload))
            else:
                made.append(_alone(reading))
        if joined:
            made.append(self._join(joined))
        return made

    def _join(self, joined: Sequence[tuple[Pending, Payload]]) -> Bundle:
        if len(joined) == 1:
            return _alone(joined[0][0])
        records = tuple(payload.records[0] for _, payload in joined)
        payload = Payload(records, joined[-1][1].extras)
        return Bundle(
            Range(records[0].sequence, records[-1].sequence),
            cose.sign(payload.encode(), self._signer),
        )


def _may_follow(joined: Sequence[tuple[Pending, Payload]], record: Record) -> bool:
    last = joined[-1][1]
    return (
        len(joined) < MAX_RECORDS
        and last.extras is None
        and not last.records[0].is_settlement
        and not record.is_settlement
        and record.sequence == last.records[0].sequence + 1
    )


def _alone(reading: Pending) -> Bundle:
    return Bundle(Range(reading.sequence, reading.sequence), reading.message)
