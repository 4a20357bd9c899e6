"""What is found in a JSON document: a value by its path, and an instant."""

import datetime as dt
import json
from decimal import Decimal, InvalidOperation
from typing import Any

from gridtokenx_hub.oracle.errors import SourceError

MS_FROM = 100_000_000_000
"""Numbers from here on are Unix ms: as seconds they would be thousands of years ahead."""


def read_json(body: bytes) -> Any:
    """Read a document whose numbers are `int` and `Decimal`; `float` are NaN and Infinity alone.

    Raises:
        SourceError: `not_json`.
    """
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise SourceError("not_json", f"the answer is no JSON: {type(error).__name__}") from error


def look_up(document: Any, path: str) -> Any:
    """Return the value at a dotted path (`data.0.last`), or a JSON Pointer (`/data/0/last`).

    Raises:
        SourceError: `no_such_path`.
    """
    found = document
    for step in _steps(path):
        match found:
            case dict() if step in found:
                found = found[step]
            case list() if step.isascii() and step.isdigit() and int(step) < len(found):
                found = found[int(step)]
            case _:
                raise SourceError("no_such_path", f"the answer has nothing at {path}")
    return found


def _steps(path: str) -> list[str]:
    if not path.startswith("/"):
        return path.split(".")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def instant(value: Any) -> dt.datetime:
    """Return the instant that a source tells: Unix seconds, Unix ms, or text with its offset.

    Raises:
        SourceError: `no_time`.
    """
    try:
        match value:
            case bool():
                pass
            case int() | Decimal():
                seconds = value / 1000 if value >= MS_FROM else value
                return dt.datetime.fromtimestamp(float(seconds), dt.UTC)
            case str():
                told = dt.datetime.fromisoformat(value)
                if told.tzinfo is not None:
                    return told
    except (ValueError, OverflowError, OSError) as error:
        raise SourceError("no_time", "the time is out of range or not written as one") from error
    raise SourceError("no_time", "the time is neither a number nor text with an offset")
