"""What can go wrong, each named after what happened; nothing of it ends in a signature."""

from enum import StrEnum


class GuardianError(Exception):
    """A fault whose message says what to do."""


class ConfigError(GuardianError):
    """The configuration file cannot be used."""


class KeyFileError(GuardianError):
    """A key file cannot be used."""


class StateError(GuardianError):
    """The folder of decisions cannot be used, or is not that of these keys."""


class ContraryDecision(GuardianError):
    """Something else was decided about this reservation before, and that stands for ever."""


class EndpointError(GuardianError):
    """An endpoint cannot be believed now: what it says is not signed.

    Attributes:
        endpoint: `evm` or `solana`.
    """

    def __init__(self, endpoint: str, problem: str) -> None:
        super().__init__(f"{endpoint} endpoint: {problem}")
        self.endpoint = endpoint


class EndpointUnreachable(EndpointError):
    """It does not answer, or not now."""


class EndpointRefused(EndpointError):
    """It answers with an error of its own."""


class EndpointNonsense(EndpointError):
    """Its answer has not the form that it must have, or contradicts another."""


class WrongChain(EndpointError):
    """It serves another chain than the configured one."""


class HeightWentBackwards(EndpointError):
    """What is final is less than what was."""


class OutOfTime(EndpointError):
    """Its newest final block is too old, or from the future."""


class Reason(StrEnum):
    """Why a payment is not attested, or its release not signed."""

    ANOTHER_BRIDGE = "another_bridge"
    NOT_LOCKED = "not_locked"
    CONTRADICTION = "contradiction"
    WRONG_BUYER = "wrong_buyer"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_DEADLINE = "wrong_deadline"
    PAID_LATE = "paid_late"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    PAID = "paid"
    NOT_MATCHED = "not_matched"
    ANOTHER_TRADE = "another_trade"
    NOT_IN_OFFICE = "not_in_office"


class Refused(GuardianError):
    """Both endpoints are believed, and this is still not signed.

    Attributes:
        reason: why.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
