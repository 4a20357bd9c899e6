"""Everything that can go wrong at the edge, by name; each message says what to do about it."""


class EdgeError(Exception):
    """Base of the agent's errors: one line for the operator, never a stack trace."""


class ConfigError(EdgeError):
    """A setting or profile is wrong; the message names file, key and remedy."""


class KeyFileError(EdgeError):
    """A key file is missing, unreadable, open to others or not a key."""


class TokenMissing(KeyFileError):
    """The token is not plugged in or not initialised, or its module cannot be used."""


class PinRefused(KeyFileError):
    """The token does not take the PIN."""


class MechanismMissing(KeyFileError):
    """The token cannot draw P-256 keys, or not sign with them."""


class TokenFull(KeyFileError):
    """The token has no room for another key."""


class KeyUnavailable(EdgeError):
    """The token that holds the signing key does not sign now."""


class SpoolError(EdgeError):
    """The spool cannot be opened or written."""


class CheckpointError(EdgeError):
    """The checkpoint beside the key is damaged or belongs to another key."""


class NotProvisioned(EdgeError):
    """There is no baseline yet: nothing may be signed."""


class BaselineRefused(EdgeError):
    """The meter or the clock is not in a state in which a baseline may be signed."""


class BrokerUnreachable(EdgeError):
    """The broker cannot be reached, or does not let this meter in."""


class MeterError(EdgeError):
    """The meter gave no usable reply.

    Attributes:
        reason: snake_case, for counters and logs.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class MeterUnreachable(MeterError):
    """No connection, no reply in time, or backing off after that."""


class MeterReplyError(MeterError):
    """A reply that is an exception, of another length, or to another request."""


class ReadingRefused(EdgeError):
    """A guard found a value that must not be signed.

    Attributes:
        reason: snake_case, for counters and logs.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
