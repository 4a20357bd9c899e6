"""One line of a script of faults."""

from dataclasses import dataclass
from typing import Final

ON_THE_LINE: Final = {
    "crc": "the frame arrives damaged; with Modbus TCP a gateway swallows it",
    "cut": "the cable is pulled in mid-frame: half the reply comes, with TCP the connection ends",
    "exception": "the meter refuses with exception `code`",
    "held": "the reply comes when the next request does, before the reply to that",
    "late": "the reply comes `delay_ms` late, whatever is asked meanwhile",
    "noise": "random bytes come before the reply",
    "other_unit": "the reply bears the address `from_unit`",
    "restart": "the meter starts again: no reply, with TCP the connection ends",
    "silence": "no reply",
    "swapped_words": "the words of each value come in the opposite order",
    "zero": "the energy registers read zero",
}
"""Faults that last for one request unless said."""

IN_THE_METER: Final = {
    "exchanged": "another meter is there: other serial number, registers at `percent` of these",
    "frozen": "the registers stay as they were at the first request",
    "roll_over": "the energy registers begin again at zero",
}
"""Faults that last for ever unless said."""

KINDS: Final = {**ON_THE_LINE, **IN_THE_METER}
FOR_EVER: Final = 2**63


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and when: for some requests to a unit, or for some time.

    Attributes:
        kind: One of ``KINDS``.
        unit: Address whose replies it is about; None for each.
        at_request: From which request to a unit on, counted from 1.
        requests: For how many of them; None for the usual of its kind.
        at_ms: From when on since the simulator started, instead of by requests.
        for_ms: For how long; None for ever.
        code: Of ``exception``.
        delay_ms: Of ``late``.
        from_unit: Of ``other_unit``.
        percent: Of ``exchanged``.
    """

    kind: str
    unit: int | None = None
    at_request: int = 1
    requests: int | None = None
    at_ms: int | None = None
    for_ms: int | None = None
    code: int = 4
    delay_ms: int = 1_500
    from_unit: int = 247
    percent: int = 50

    def is_due(self, unit: int, request: int, elapsed_ms: int) -> bool:
        """Whether it befalls a request.

        Args:
            unit: Which unit is asked.
            request: Which request to that unit this is, from 1.
            elapsed_ms: Since the simulator started.
        """
        if self.unit not in {None, unit}:
            return False
        if self.at_ms is not None:
            return 0 <= elapsed_ms - self.at_ms < (FOR_EVER if self.for_ms is None else self.for_ms)
        usual = FOR_EVER if self.kind in IN_THE_METER else 1
        return 0 <= request - self.at_request < (usual if self.requests is None else self.requests)
