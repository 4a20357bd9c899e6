"""What becomes of a meter's signed readings, given what is known of those around them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from gridtokenx_hub.ingest.model import MeterId, Reading, Registers, Verified
from gridtokenx_protocol.record import Flag, RecordFields

NO_HASH = bytes(32)
_GAP = int(Flag.GAP)
_REGISTER_REPLACED = int(Flag.REGISTER_REPLACED)


class Fate(Enum):
    """What is done with a reading."""

    STORED = 1
    QUARANTINED = 2
    DUPLICATE = 3
    EQUIVOCATION = 4
    FORGOTTEN = 5


@dataclass(slots=True)
class MeterState:
    """A meter's row in `acks`, locked.

    Attributes:
        meter_id: The meter.
        sequence: Up to here every reading has a verdict.
        hash: Of that reading; zeros when it is declared lost.
        highest_sequence: The highest that has a verdict.
        registers: Of the last stored reading up to `sequence`.
        public_key: The meter's current key.
        previous_public_key: The one before, if it still counts.
        previous_key_last_sequence: Up to which reading.
        revoked: Whether the meter is revoked.
        changed: Whether the row has to be written again.
    """

    meter_id: MeterId
    sequence: int
    hash: bytes
    highest_sequence: int
    registers: Registers
    public_key: bytes
    previous_public_key: bytes | None
    previous_key_last_sequence: int
    revoked: bool
    changed: bool = False

    def fault_of_key(self, message: Verified) -> str:
        """Return what is against the key that a message was verified with; empty if nothing.

        The current key may sign earlier readings as well: a backlog is signed anew as it travels.
        """
        if message.public_key == self.public_key:
            return ""
        if message.public_key != self.previous_public_key:
            return "the meter has another key by now"
        if message.readings[-1].sequence > self.previous_key_last_sequence:
            return f"that key counts up to reading {self.previous_key_last_sequence}"
        return ""

    def take(self, reading: Reading) -> None:
        """Move on to a stored reading that `follows`."""
        assert reading.record is not None  # noqa: S101 - what cannot be read does not follow
        self.sequence = self.highest_sequence = reading.sequence
        self.hash = reading.hash
        self.registers = registers_of(reading.record)
        self.changed = True

    def row(self) -> tuple[object, ...]:
        """Return the row as it is to be, in the order of the table's columns."""
        return (self.meter_id, self.sequence, self.hash, self.highest_sequence, *self.registers)

    def head(self) -> "Neighbour":
        """Return the last stored reading up to `sequence`, as far as it matters to later ones."""
        return Neighbour(self.sequence, self.registers, flags=0, previous_hash=NO_HASH)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A stored reading before or after another one."""

    sequence: int
    registers: Registers
    flags: int
    previous_hash: bytes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the database has around one sequence.

    Attributes:
        hash: Hash that already has a verdict at this sequence.
        previous_hash: Hash that has a verdict at the sequence before.
        before: The last stored reading before it.
        after: The first stored reading after it.
        forgotten: Whether the verdict of this sequence is let go of by age.
    """

    hash: bytes | None
    previous_hash: bytes | None
    before: Neighbour | None
    after: Neighbour | None
    forgotten: bool = False


@dataclass(slots=True)
class Judgement:
    """A reading and its fate; `reason` and `detail` when it is quarantined."""

    message: Verified
    reading: Reading
    fate: Fate
    reason: str = ""
    detail: str = ""


def registers_of(record: RecordFields) -> Registers:
    """Return a record's three registers."""
    return record.produced_mwh, record.consumed_mwh, record.surplus_mwh


def follows(state: MeterState, reading: Reading) -> bool:
    """Tell whether a reading is simply its meter's next one, with nothing against it.

    Nearly all are. `judge` would come to the same, from all that is around the reading.
    """
    record = reading.record
    return (
        reading.sequence == state.sequence + 1
        and state.sequence == state.highest_sequence
        and record is not None
        and reading.reason is None
        and not state.revoked
        and (state.hash in (record.previous_hash, NO_HASH) or bool(record.flags & _GAP))
        and (
            bool(record.flags & _REGISTER_REPLACED)
            or not _any_below(registers_of(record), state.registers)
        )
    )


def needs_surroundings(state: MeterState, sequence: int) -> bool:
    """Tell whether a reading cannot be judged by the meter's state alone.

    It can when it is above all that have a verdict, and none below is missing.
    """
    return sequence <= state.highest_sequence or state.highest_sequence > state.sequence


def judge(
    state: MeterState,
    readings: Iterable[tuple[Verified, Reading]],
    surroundings: Mapping[int, Surroundings],
) -> Iterator[Judgement]:
    """Judge a meter's new readings in the order of their sequences.

    Args:
        state: The meter.
        readings: New readings in the order of their arrival: of two that share a sequence, the
            first is taken.
        surroundings: By sequence, for each that `needs_surroundings`.
    """
    hashes: dict[int, bytes] = {}
    last: Neighbour | None = None
    for message, reading in sorted(readings, key=lambda pair: pair[1].sequence):
        around = surroundings.get(reading.sequence) or _at_head(state, reading.sequence)
        if around.forgotten:
            yield Judgement(message, reading, Fate.FORGOTTEN)
            continue
        known = hashes.get(reading.sequence, around.hash)
        if known is not None:
            same = known == reading.hash
            yield (
                Judgement(message, reading, Fate.DUPLICATE)
                if same
                else Judgement(
                    message,
                    reading,
                    Fate.EQUIVOCATION,
                    "equivocation",
                    "another hash has the verdict",
                )
            )
            continue
        hashes[reading.sequence] = reading.hash
        if state.revoked:
            yield Judgement(message, reading, Fate.QUARANTINED, "revoked", "the meter is revoked")
            continue
        record = reading.record
        if reading.reason is not None or record is None:
            reason = reading.reason or "malformed"
            yield Judgement(message, reading, Fate.QUARANTINED, reason, reading.detail)
            continue
        before = _later(last, around.before)
        previous = hashes.get(reading.sequence - 1, around.previous_hash)
        fault = _chain_fault(record, reading.hash, previous, around.after) or _register_fault(
            record, before, around.after
        )
        if fault:
            yield Judgement(message, reading, Fate.QUARANTINED, *fault)
            continue
        last = Neighbour(reading.sequence, registers_of(record), record.flags, record.previous_hash)
        yield Judgement(message, reading, Fate.STORED)


def _later(one: Neighbour | None, other: Neighbour | None) -> Neighbour | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda neighbour: neighbour.sequence)


def _at_head(state: MeterState, sequence: int) -> Surroundings:
    """Return the surroundings of a reading above all others, from the meter's state."""
    adjacent = sequence == state.sequence + 1 and state.hash != NO_HASH
    return Surroundings(
        hash=None,
        previous_hash=state.hash if adjacent else None,
        before=state.head(),
        after=None,
    )


def _chain_fault(
    record: RecordFields, own_hash: bytes, previous: bytes | None, after: Neighbour | None
) -> tuple[str, str] | None:
    if previous is not None and not record.flags & _GAP and record.previous_hash != previous:
        return "broken_chain", "its previous hash is not that of the reading before it"
    if (
        after is not None
        and after.sequence == record.sequence + 1
        and not after.flags & _GAP
        and after.previous_hash != own_hash
    ):
        return "broken_chain", "its hash is not the one that the reading after it names"
    return None


def _register_fault(
    record: RecordFields, before: Neighbour | None, after: Neighbour | None
) -> tuple[str, str] | None:
    registers = registers_of(record)
    if (
        before is not None
        and not record.flags & _REGISTER_REPLACED
        and _any_below(registers, before.registers)
    ):
        return "register_fall", f"a register is below that of reading {before.sequence}"
    if (
        after is not None
        and not after.flags & _REGISTER_REPLACED
        and _any_below(after.registers, registers)
    ):
        return "register_fall", f"a register is above that of reading {after.sequence}"
    return None


def _any_below(some: Registers, others: Registers) -> bool:
    return some[0] < others[0] or some[1] < others[1] or some[2] < others[2]
