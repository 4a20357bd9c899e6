"""Why a source's answer does not count, and why an operator's rate is not taken."""

from typing import Literal

Fault = Literal[
    "not_a_number",  # text, a truth value, NaN, or nothing at all
    "not_positive",
    "absurd",  # beyond what a GRX can be worth
    "stale",
    "from_the_future",
    "no_time",  # where the source should tell its own time
    "no_such_path",  # in its JSON
    "not_json",
    "too_long",
    "redirected",
    "refused",  # an HTTP status other than 200
    "timed_out",
    "unreachable",
]


class SourceError(Exception):
    """A source told nothing usable; `fault` names it for machines, `detail` for people."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault
        self.detail = detail


class ManualRateRefused(Exception):
    """An operator's rate is not taken; the message says why."""
