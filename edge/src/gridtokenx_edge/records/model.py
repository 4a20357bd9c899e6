"""What is known about a meter's chain of records."""

from dataclasses import dataclass

from gridtokenx_edge.guards import Accepted
from gridtokenx_edge.surplus import Boundary
from gridtokenx_protocol.record import Record


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Sequences from ``first`` to ``last``, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ChainState:
    """Where a chain stands. It is stored together with the record that led to it.

    Attributes:
        last_sequence: Highest sequence that is used up.
        last_hash: Hash of the last known record with its extras.
        gap: The next record must say that sequences were left out.
        accepted: Counters of the last record.
        boundary: Last netted interval, with the surplus register.
    """

    last_sequence: int
    last_hash: bytes
    gap: bool
    accepted: Accepted
    boundary: Boundary


@dataclass(frozen=True, slots=True)
class SignedReading:
    """A record, signed and ready to travel alone.

    Attributes:
        record: As signed.
        message: COSE_Sign1 over the record and its extras.
        hash: What the next record refers to.
        kept: It may go on chain (a settlement, or a beginning): never let go of before its ack.
        declares: Ranges of sequences whose loss its extras declare.
    """

    record: Record
    message: bytes
    hash: bytes
    kept: bool
    declares: tuple[Range, ...] = ()
