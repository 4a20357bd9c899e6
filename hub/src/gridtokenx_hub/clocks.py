"""The clocks that processes hand to their parts."""

import datetime as dt
import time


def utc_now() -> dt.datetime:
    """The present instant."""
    return dt.datetime.now(dt.UTC)


def unix_ms() -> int:
    """The present instant in Unix ms."""
    return time.time_ns() // 1_000_000
