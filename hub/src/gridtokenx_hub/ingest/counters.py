"""What ingest has done since it started, for metrics."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Totals since the process started.

    Attributes:
        received: Messages taken from the broker.
        verified: Messages whose signature was found good.
        stored: Readings written.
        duplicates: Readings that had their verdict already, with the same hash.
        quarantined: Readings refused with a signature that holds, and messages refused without,
            by reason.
        unrecorded: Of these, how many left no row because their budget was spent.
        discarded: Messages of QoS 0 let go while the queue was full.
        floods: Messages let go because their topic had more than its share.
        acks: Signed acks handed to the broker.
        connections: Times that the broker was reached.
        retries: Times that the database had to be tried again.
    """

    received: int = 0
    verified: int = 0
    stored: int = 0
    duplicates: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    unrecorded: int = 0
    discarded: int = 0
    floods: int = 0
    acks: int = 0
    connections: int = 0
    retries: int = 0
