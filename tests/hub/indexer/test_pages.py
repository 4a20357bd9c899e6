"""A program's history is read in pages: each transaction once, the oldest slot first."""

import asyncio
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from tests.hub.onchain import PROGRAMS

from gridtokenx_hub.chain import SignatureInfo
from gridtokenx_hub.indexer.history import FIRST_PAGE, pages_since

PAGE_SIZE = 1_000


class Node:
    """Answers from a list, newest first; keeps how many were asked for, before which one."""

    def __init__(self, slots: list[int]) -> None:
        self.history = [
            SignatureInfo(f"signature {number}", slot, None, None, is_final=True)
            for number, slot in enumerate(sorted(slots, reverse=True))
        ]
        self.asked: list[tuple[str | None, int]] = []

    async def signatures_for_address(
        self, _address: object, *, before: str | None, limit: int
    ) -> list[SignatureInfo]:
        self.asked.append((before, limit))
        names = [None, *(info.signature for info in self.history)]
        begin = names.index(before)
        return self.history[begin : begin + limit]


def read(node: Node, floor: int, page_size: int = PAGE_SIZE) -> list[SignatureInfo]:
    async def all_pages() -> list[SignatureInfo]:
        pages = pages_since(cast("Any", node), PROGRAMS["registry"], floor, page_size)
        return [info async for page in pages for info in page]

    return asyncio.run(all_pages())


@given(
    st.lists(st.integers(0, 30), max_size=400), st.integers(0, 31), st.sampled_from([1, 7, 1_000])
)
def test_all_are_read_once(slots: list[int], floor: int, page_size: int) -> None:
    node = Node(slots)
    found = read(node, floor, page_size)
    wanted = [info for info in node.history if info.slot >= floor]
    assert sorted(found, key=lambda info: info.signature) == sorted(
        wanted, key=lambda info: info.signature
    )
    assert [info.slot for info in found] == sorted(info.slot for info in wanted)


def test_a_look_at_what_is_new_asks_for_little() -> None:
    node = Node(list(range(5_000)))
    assert len(read(node, 5_000 - FIRST_PAGE - 10)) == FIRST_PAGE + 10
    assert [limit for _, limit in node.asked] == [FIRST_PAGE, 2 * FIRST_PAGE]


def test_a_long_history_is_asked_for_in_large_pages() -> None:
    node = Node(list(range(20_000)))
    assert len(read(node, 0)) == 20_000
    assert max(limit for _, limit in node.asked) == PAGE_SIZE
    assert len(node.asked) < 2 * (20_000 / PAGE_SIZE + 10)
