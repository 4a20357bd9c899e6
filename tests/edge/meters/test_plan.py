"""The request planner."""

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_edge.meters import (
    Block,
    Profile,
    Quantity,
    Register,
    RegisterType,
    cut_registers,
    load_profile,
    plan_blocks,
)
from gridtokenx_edge.meters.profile import CUMULATIVE

BASE = load_profile("schneider-iem3155", Path())


@st.composite
def registers(draw: st.DrawFn) -> Register:
    addresses = draw(st.lists(st.integers(0, 400), min_size=1, max_size=3, unique=True))
    return Register(
        function=draw(st.sampled_from((3, 4))),
        addresses=tuple(addresses),
        type=draw(st.sampled_from(tuple(RegisterType))),
        scale=Fraction(1),
        scale_address=draw(st.none() | st.integers(0, 400)),
    )


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    return replace(
        BASE,
        largest_block=draw(st.integers(4, 125)),
        largest_gap=draw(st.integers(0, 125)),
        registers={quantity: draw(registers()) for quantity in Quantity},
    )


def spans(profile: Profile) -> set[tuple[int, int, int]]:
    return {
        (register.function, address, address + words)
        for register in profile.registers.values()
        for address, words in register.parts
    }


def fewest_requests(profile: Profile) -> int:
    """By trying, for each register in order, every place to begin its request."""
    total = 0
    for function in (3, 4):
        ordered = sorted(span[1:] for span in spans(profile) if span[0] == function)
        best = [0] + [len(ordered)] * len(ordered)
        for last in range(len(ordered)):
            for first in range(last, -1, -1):
                group = ordered[first : last + 1]
                ends = [max(end for _, end in group[: n + 1]) for n in range(len(group))]
                gaps = [start - end for (start, _), end in zip(group[1:], ends, strict=False)]
                if ends[-1] - group[0][0] <= profile.largest_block and all(
                    gap <= profile.largest_gap for gap in gaps
                ):
                    best[last + 1] = min(best[last + 1], best[first] + 1)
        total += best[-1]
    return total


@given(profiles())
def test_every_register_is_read_whole_within_the_limits_by_few_requests(profile: Profile) -> None:
    blocks = plan_blocks(profile)
    for function, start, end in spans(profile):
        assert any(
            block.function == function
            and block.address <= start
            and end <= block.address + block.count
            for block in blocks
        )
    assert all(block.count <= profile.largest_block for block in blocks)
    assert len(blocks) <= fewest_requests(profile)


@given(profiles())
def test_no_gap_is_read_that_may_not_be(profile: Profile) -> None:
    for block in plan_blocks(profile):
        used = {
            address
            for function, start, end in spans(profile)
            if function == block.function
            for address in range(start, end)
        }
        unused = 0
        for address in range(block.address, block.address + block.count):
            unused = 0 if address in used else unused + 1
            assert unused <= profile.largest_gap


@given(profiles())
def test_counters_are_read_first(profile: Profile) -> None:
    counters = [profile.registers[quantity] for quantity in CUMULATIVE]
    with_counter = [
        any(block.holds(counter.function, counter.addresses[0]) for counter in counters)
        for block in plan_blocks(profile)
    ]
    assert with_counter == sorted(with_counter, reverse=True)


@given(profiles())
def test_what_is_cut_is_what_was_at_its_addresses(profile: Profile) -> None:
    replies = {
        block: b"".join(
            struct.pack(">H", (block.function << 12) + block.address + offset)
            for offset in range(block.count)
        )
        for block in plan_blocks(profile)
    }
    cut = cut_registers(profile, replies)
    for quantity, register in profile.registers.items():
        addresses = [
            (register.function << 12) + address + offset
            for address, words in register.parts
            for offset in range(words)
        ]
        assert cut[quantity] == struct.pack(f">{len(addresses)}H", *addresses)


def test_what_is_not_located_cannot_be_planned() -> None:
    with pytest.raises(ValueError, match="locate"):
        plan_blocks(load_profile("sunspec", Path()))


@pytest.mark.parametrize(
    ("name", "requests"),
    [
        ("schneider-iem3155", 5),
        ("eastron-sdm120", 1),
        ("eastron-sdm630", 1),
        ("abb-b23", 3),
        ("carlo-gavazzi-em24", 4),
        ("janitza-umg96rm", 2),
    ],
)
def test_shipped_profiles_need_few_requests(name: str, requests: int) -> None:
    assert len(plan_blocks(load_profile(name, Path()))) == requests


def test_counters_side_by_side_are_one_request() -> None:
    assert plan_blocks(BASE)[0] == Block(3, 3203, 8)
