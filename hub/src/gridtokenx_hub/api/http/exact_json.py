"""JSON whose numbers are exact: decimals in, decimals out, no float in between."""

import json
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

from fastapi.responses import Response

MAX_INTEGER_DIGITS = 40
"""Longer integers are no quantity of ours, and turning them into an `int` is slow."""


def loads(text: str | bytes) -> Any:
    """Parse JSON (RFC 8259) with fractions as `Decimal`.

    `NaN` and `Infinity`, which JSON does not have, come back as such decimals for the field's
    own check to refuse by name.

    Raises:
        ValueError: not JSON, nested too deep, or an object that has a key twice.
    """
    try:
        return json.loads(
            text,
            parse_float=Decimal,
            parse_int=_integer,
            parse_constant=Decimal,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def dumps(value: object) -> str:
    """Write JSON with each `Decimal` digit for digit as it is.

    Raises:
        TypeError: a value of another type; a float above all.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{dumps(str(k))}:{dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no exact JSON form")


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else Decimal(text)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("an object has the same key twice")
    return fields


class ExactJSONResponse(Response):
    """A response whose content is written by `dumps`."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Encode the content."""
        return dumps(content).encode()
