"""Why there is no explanation."""


class ExplainError(Exception):
    """A transaction that cannot be explained; the message says why."""


class NotASettlement(ExplainError):
    """There is no such transaction, or it mints no energy."""


class HistoryMissing(ExplainError):
    """The indexer has not read what came before; it will."""
