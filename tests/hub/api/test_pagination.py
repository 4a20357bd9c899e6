"""Cursors: what is written is read again, and nothing else is."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_hub.api.http.pagination import MAX_BIGINT, page_of, read_cursor, write_cursor
from gridtokenx_hub.api.http.problems import Problem


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(categories=["L", "N"])))
def test_a_cursor_comes_back(number: int, text: str) -> None:
    cursor = write_cursor("orders", (number, text))
    assert read_cursor("orders", cursor, int, str) == (number, text)


def test_the_first_page_has_none() -> None:
    assert read_cursor("orders", None, int) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "é", "====", "'; DROP TABLE orders; --", "a" * 500, "[" * 400,
        encoded([]), encoded({}), encoded(5), encoded(["orders"]), encoded(["offers", 1]),
        encoded(["orders", 1, 2]), encoded(["orders", "1"]), encoded(["orders", 1.0]),
        encoded(["orders", True]), encoded(["orders", None]), encoded(["orders", MAX_BIGINT + 1]),
    ],
    ids=lambda cursor: cursor[:20],
)  # fmt: skip
def test_what_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        read_cursor("orders", cursor, int)
    assert (refused.value.status_code, refused.value.error) == (422, "InvalidCursor")


def test_text_that_the_database_cannot_hold() -> None:
    with pytest.raises(Problem):
        read_cursor("orders", encoded(["orders", "a\x00b"]), str)


@given(st.lists(st.integers(0, MAX_BIGINT), unique=True), st.integers(1, 7))
def test_pages_hold_each_item_once(items: list[int], limit: int) -> None:
    items.sort()
    seen: list[int] = []
    cursor = None
    while True:
        after = read_cursor("items", cursor, int)
        rows = [i for i in items if after is None or (i,) > after][: limit + 1]
        page, cursor = page_of(rows, limit, "items", lambda item: (item,))
        assert len(page) <= limit
        seen += page
        if cursor is None:
            break
    assert seen == items
