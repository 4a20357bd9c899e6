"""Rows of the quarantine: what was refused, why, and the message as it came."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gridtokenx_hub.ingest.budget import QuarantineBudget
from gridtokenx_hub.ingest.model import Refused
from gridtokenx_hub.ingest.verdicts import Fate, Judgement

Row: TypeAlias = tuple[Any, ...]

MAX_TOPIC = 200
MAX_UNSIGNED_BYTES = 1024
"""Of a message that nobody signed, the beginning is evidence enough."""


@dataclass(slots=True)
class Quarantined:
    """What a batch sends to the quarantine.

    Attributes:
        rows: Topic, meter id, sequence, reason, detail, payload.
        reasons: Readings and messages refused, by reason.
        unrecorded: How many of these have no row.
    """

    rows: list[Row] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    unrecorded: int = 0


def quarantine(
    judgements: Iterable[Judgement], refused: Iterable[Refused], budget: QuarantineBudget
) -> Quarantined:
    """Collect the rows: one for each message and reason, however many readings it covers.

    A reading whose verdict is its quarantine always has its row: with the verdict, its device
    forgets it. What gives no verdict has one as long as there is budget.
    """
    result = Quarantined()
    groups: dict[tuple[int, str], list[Judgement]] = {}
    for judgement in judgements:
        if judgement.fate in (Fate.QUARANTINED, Fate.EQUIVOCATION):
            key = (id(judgement.message), judgement.reason)
            groups.setdefault(key, []).append(judgement)
    for group in groups.values():
        first = group[0]
        result.reasons[first.reason] += len(group)
        if first.fate is Fate.QUARANTINED or budget.allow(first.message.meter_id):
            result.rows.append(_signed_row(group))
        else:
            result.unrecorded += len(group)
    for refusal in refused:
        result.reasons[refusal.reason] += 1
        if budget.allow(refusal.meter_id):
            result.rows.append(_unsigned_row(refusal))
        else:
            result.unrecorded += 1
    return result


def _signed_row(group: list[Judgement]) -> Row:
    first, last = group[0], group[-1]
    detail = first.detail
    if len(group) > 1:
        detail += f" (and {len(group) - 1} more, up to reading {last.reading.sequence})"
    message = first.message
    return (
        message.topic,
        message.meter_id,
        first.reading.sequence,
        first.reason,
        detail,
        message.message,
    )


def _unsigned_row(refusal: Refused) -> Row:
    topic = refusal.topic.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:MAX_TOPIC]
    payload = refusal.message[:MAX_UNSIGNED_BYTES]
    detail = refusal.detail
    if len(payload) < len(refusal.message):
        detail += f" (the first {len(payload)} of {len(refusal.message)} bytes are kept)"
    return topic, refusal.meter_id, None, refusal.reason, detail, payload
