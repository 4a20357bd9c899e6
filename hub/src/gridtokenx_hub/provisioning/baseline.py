"""What makes a reading a baseline; the chain checks the same, the hub says it in words."""

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_protocol.record import NO_PREVIOUS_HASH, ClockStatus, Record

MAX_FUTURE_MS = 60_000
MAX_AGE_MS = 86_400_000
_MEASURED_NOW = slice(64, 84)
"""Power, voltage, current and frequency in an encoded record."""


def check_baseline(record: Record) -> None:
    """Check that a reading is a meter's first and tells nothing but its registers.

    Raises:
        Problem: 422, it is none.
    """
    if record.sequence != 1 or record.previous_hash != NO_PREVIOUS_HASH:
        raise _not_baseline("it is not the first record of its meter")
    if record.flags != ClockStatus.SYNCHRONISED:
        raise _not_baseline("its flags must say 'clock synchronised' and nothing else")
    if record.surplus_mwh or any(record.encode()[_MEASURED_NOW]):
        raise _not_baseline("surplus, power, voltage, current and frequency must be zero")


def check_recent(context: ApiContext, record: Record) -> None:
    """Check that a baseline is for this deployment and fit to be sent now.

    Raises:
        Problem: 422, it is for another one, or too old or from the future.
    """
    if record.deployment != context.deployment.deployment:
        raise _not_baseline(
            f"it is for deployment {record.deployment.hex()}, this is"
            f" {context.deployment.deployment.hex()}"
        )
    age_ms = int(context.clock().timestamp() * 1000) - record.time_ms
    if not -MAX_FUTURE_MS <= age_ms <= MAX_AGE_MS:
        raise _not_baseline("its time must be within the last day: take a new one")


def _not_baseline(detail: str) -> Problem:
    return Problem(422, "InvalidBaseline", f"the reading is no baseline: {detail}")
