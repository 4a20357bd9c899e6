"""Why the indexer stops: each blocks one program's events until it is resolved."""

from gridtokenx_hub.indexer.events import ChainEvent


class IndexerError(Exception):
    """The events of one program cannot be applied any further."""


class SequenceHole(IndexerError):
    """The chain shows a later event than the next one: one is missing in what the node answers."""

    def __init__(self, program: str, expected: int, found: int) -> None:
        super().__init__(
            f"{program}: event {expected} is missing, the next one that the node shows is {found}; "
            "nothing is skipped: if this lasts, use a node that keeps the whole history"
        )
        self.program = program
        self.expected = expected
        self.found = found


class HistoryConflict(IndexerError):
    """The chain shows another transaction for an event that the database already holds."""

    def __init__(self, program: str, sequence: int, tx_signature: str) -> None:
        super().__init__(
            f"{program}: event {sequence} comes from transaction {tx_signature}, but the database "
            "has it from another one; the database belongs to another chain or to a fork: "
            "point the hub at the right chain, or rebuild its tables from this one"
        )


class Retracted(IndexerError):
    """A fork took back a transaction whose events are in the tables."""

    def __init__(self, program: str, sequence: int, tx_signature: str) -> None:
        super().__init__(
            f"{program}: transaction {tx_signature} was confirmed and is not on the chain that "
            f"became final: from event {sequence} on, the tables are made anew"
        )
        self.sequence = sequence


class UnknownEvent(IndexerError):
    """A program sends an event that this version of the hub does not know."""

    def __init__(self, program: str, name: str) -> None:
        super().__init__(f"{program} sends {name}, which this hub does not know: update the hub")


class TransactionMissing(IndexerError):
    """The node lists a transaction and does not have it (yet)."""

    def __init__(self, tx_signature: str) -> None:
        super().__init__(
            f"the node lists transaction {tx_signature} but does not have it: "
            "if this lasts, use a node that keeps the whole history"
        )


class EventUnusable(IndexerError):
    """The tables cannot take an event: it contradicts what they hold."""

    def __init__(self, event: ChainEvent, cause: Exception) -> None:
        super().__init__(
            f"{event.program}: event {event.sequence} ({event.name}) does not fit the tables: "
            f"{cause!r}; rebuild them from the chain, and report this"
        )
