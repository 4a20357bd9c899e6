"""How many messages without a proven sender may leave a row in the quarantine."""

from collections import Counter
from collections.abc import Callable

from gridtokenx_hub.ingest.model import MeterId

WINDOW_MS = 3_600_000
ROWS_PER_METER = 10
ROWS_IN_ALL = 200


class QuarantineBudget:
    """Rows an hour, for each meter and in all.

    A row is evidence for the operator; the thousandth of the same flood tells nothing new, and an
    unsigned one gives nobody a verdict, so nothing is lost with it.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._window = 0
        self._rows: Counter[MeterId | None] = Counter()

    def allow(self, meter_id: MeterId | None) -> bool:
        """Tell whether one more row may be written for `meter_id`, and count it."""
        window = self._clock() // WINDOW_MS
        if window != self._window:
            self._window = window
            self._rows.clear()
        if self._rows[meter_id] >= ROWS_PER_METER or self._rows.total() >= ROWS_IN_ALL:
            return False
        self._rows[meter_id] += 1
        return True
