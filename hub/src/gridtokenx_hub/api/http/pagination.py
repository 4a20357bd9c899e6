"""Lists by the page: a cursor says where the last page ended, so that none is missed or seen twice.

A cursor is the sort key of the last item (keyset pagination): a page costs the same however deep it
is, and what is added or ends meanwhile moves nothing. To callers it is an opaque text.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

from gridtokenx_hub.api.http.problems import Problem

DEFAULT_LIMIT = 200
MAX_LIMIT = 1000
MAX_CURSOR_LENGTH = 512
MIN_BIGINT, MAX_BIGINT = -(2**63), 2**63 - 1

Key = tuple[Any, ...]
"""The sort key of an item, integers and text, the last part of which no two items share."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="at most so many")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR_LENGTH,
        description="`next` of the page before; left out for the first page",
    ),
]
NEXT = "`cursor` of the next page; left out at the end of the list"
"""What an answer's field `next` means."""

Row = TypeVar("Row")


def write_cursor(order: str, key: Key) -> str:
    """Return the cursor of a page that ended with the item of this key.

    Args:
        order: what was listed and how it was sorted; a cursor of one order is none of another.
        key: integers that fit the database's bigint, and text.
    """
    text = json.dumps([order, *key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(order: str, cursor: str | None, *kinds: type[int] | type[str]) -> Key | None:
    """Return the key after which a page begins, of these types; None for the first page.

    Raises:
        Problem: 422, no cursor of this list in this order.
    """
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid() from None
    if not isinstance(parts, list) or parts[:1] != [order] or len(parts) != 1 + len(kinds):
        raise _invalid()
    key = tuple(parts[1:])
    if not all(_fits(part, kind) for part, kind in zip(key, kinds, strict=True)):
        raise _invalid()
    return key


def page_of(
    rows: Sequence[Row], limit: int, order: str, key: Callable[[Row], Key]
) -> tuple[Sequence[Row], str | None]:
    """Return a page of at most `limit` rows and the cursor of the next, None at the end.

    `rows` are one more than the limit where there are as many: the database is asked for that.
    """
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], write_cursor(order, key(rows[limit - 1]))


def _fits(part: object, kind: type) -> bool:
    if kind is int:
        return type(part) is int and MIN_BIGINT <= part <= MAX_BIGINT
    return isinstance(part, str) and part.isprintable()


def _invalid() -> Problem:
    return Problem(
        422, "InvalidCursor", "use the `next` of a page of this very list, sorted the same way"
    )
