"""A limit on guessing: whoever sends wrong codes is not heard for a while."""

import datetime as dt
from collections import deque

from gridtokenx_hub.api.http.problems import Problem

WINDOW = dt.timedelta(minutes=1)
WRONG_CODES_A_WINDOW = 10
CALLERS = 10_000
"""More callers than that are not told apart: the oldest are forgotten."""


class WrongCodes:
    """Counts the wrong codes of each caller; right ones are not counted."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[dt.datetime]] = {}

    def check(self, caller: str, now: dt.datetime) -> None:
        """Check that a caller may try a code.

        Raises:
            Problem: 429, there were too many wrong ones within a minute.
        """
        wrong = self._wrong.get(caller)
        if wrong is None:
            return
        while wrong and now - wrong[0] >= WINDOW:
            wrong.popleft()
        if len(wrong) >= WRONG_CODES_A_WINDOW:
            wait_s = int((wrong[0] + WINDOW - now).total_seconds()) + 1
            raise Problem(
                429,
                "TooManyTries",
                f"too many wrong codes: try again in {wait_s} s",
                {"Retry-After": str(wait_s)},
            )

    def recent(self, now: dt.datetime) -> list[tuple[str, int, dt.datetime]]:
        """Return who sent wrong codes within the window, how many, and the last: youngest first."""
        counted = [
            (caller, sum(now - each < WINDOW for each in wrong), wrong[-1])
            for caller, wrong in reversed(self._wrong.items())
            if wrong
        ]
        return [entry for entry in counted if entry[1]]

    def count(self, caller: str, now: dt.datetime) -> None:
        """Count one wrong code."""
        wrong = self._wrong.pop(caller, None) or deque()
        wrong.append(now)
        self._wrong[caller] = wrong  # the youngest is last
        if len(self._wrong) > CALLERS:
            del self._wrong[next(iter(self._wrong))]
