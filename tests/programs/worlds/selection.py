"""Which tests run on a real chain."""

from __future__ import annotations

from collections import Counter

import pytest

NEEDS = {"clock_jump", "forged", "in_memory"}
"""What only a world in memory can do; the marks of tests that need it."""
SUMMARY = pytest.StashKey[list[str]]()
"""Lines that a run says at its end."""


def needs(item: pytest.Item) -> set[str]:
    """What a test needs that only a world in memory can do."""
    return {mark.name for mark in item.iter_markers()} & NEEDS


def uses_a_chain(item: pytest.Item) -> bool:
    """Whether a test speaks to a chain at all."""
    return bool({"world", "shared_world"} & set(getattr(item, "fixturenames", ())))


def left_out(items: list[pytest.Item]) -> str:
    """How many of these tests run in memory alone, and why."""
    reasons = Counter(" and ".join(sorted(needs(item))) for item in items if needs(item))
    return "in memory alone: " + ", ".join(f"{n} {why}" for why, n in sorted(reasons.items()))


def first_of_each(items: list[pytest.Item]) -> list[pytest.Item]:
    """Of each test its first parameters alone."""
    found: dict[str, pytest.Item] = {}
    for item in items:
        found.setdefault(item.nodeid.partition("[")[0], item)
    return list(found.values())


def part(items: list[pytest.Item], name: str) -> list[pytest.Item]:
    """Those of a part of all tests: `2/8` is every eighth, from the second on."""
    number, parts = map(int, name.split("/"))
    return items[number - 1 :: parts]
