"""Which faults befall a request."""

from collections import Counter
from collections.abc import Callable, Iterable

from gridtokenx_firmware_sim.faults.fault import Fault


class FaultScript:
    """Counts requests and time, and says what goes wrong with each request.

    Args:
        faults: What is to go wrong.
        monotonic_ms: Clock that never goes back.

    Attributes:
        faults: May be changed at any time.
        requests: How many requests each unit had.
    """

    def __init__(self, faults: Iterable[Fault], monotonic_ms: Callable[[], int]) -> None:
        self.faults = tuple(faults)
        self.requests: Counter[int] = Counter()
        self._monotonic_ms = monotonic_ms
        self._started_ms = monotonic_ms()

    def next_request(self, unit: int) -> dict[str, Fault]:
        """Count a request; returns what goes wrong with it, by kind."""
        self.requests[unit] += 1
        elapsed_ms = self._monotonic_ms() - self._started_ms
        return {
            fault.kind: fault
            for fault in self.faults
            if fault.is_due(unit, self.requests[unit], elapsed_ms)
        }
