"""What can go wrong with the local chain itself, as opposed to one request to it."""


class LocalChainError(Exception):
    """The local chain cannot start or go on; the message says why and what to do."""


class GenesisMismatchError(LocalChainError):
    """The ledger in the folder was created with other programs than those now given."""


class LedgerUnusableError(LocalChainError):
    """The ledger is damaged, locked or of an unknown version."""


class LedgerCommitError(LocalChainError):
    """A slot was executed in memory but could not be made durable: the process has to end."""


class ChainStoppedError(LocalChainError):
    """The chain ended while a request waited: whether it took effect, the next start will tell."""
