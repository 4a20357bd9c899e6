"""Profiles, the request planner and exact decoding."""

import math
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_edge.errors import ConfigError, ReadingRefused
from gridtokenx_edge.meters import (
    Block,
    Profile,
    Quantity,
    Register,
    RegisterType,
    decode,
    load_profile,
    plan_blocks,
    shipped_profiles,
)

PROFILES = [load_profile(name, Path()) for name in shipped_profiles()]


def words(profile: Profile, **numbers: float) -> dict[Quantity, bytes]:
    """Raw bytes of a reading; numbers are in the meter's own units."""
    formats = {RegisterType.INT64: ">q", RegisterType.FLOAT32: ">f"}
    return {
        quantity: struct.pack(
            formats[register.type],
            numbers.get(quantity, 0)
            if register.type is RegisterType.FLOAT32
            else int(numbers.get(quantity, 0)),
        )
        for quantity, register in profile.registers.items()
    }


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_profile_is_whole(profile: Profile) -> None:
    assert profile.source.document
    assert profile.source.revision
    assert profile.source.pages
    assert set(profile.registers) == set(Quantity)
    covered = set()
    for block in plan_blocks(profile):
        assert block.count <= profile.largest_block
        covered |= set(range(block.address, block.address + block.count))
    for register in profile.registers.values():
        assert set(range(register.address, register.address + register.type.words)) <= covered
    reading = decode(profile, words(profile, active_power=1, voltage=230, frequency=50))
    assert reading.voltage_mv == 230_000
    assert reading.frequency_mhz == 50_000
    assert reading.active_power_mw in (-1_000, -1_000_000), "import is positive in the meter"


def test_both_makers_are_there() -> None:
    assert set(shipped_profiles()) >= {"schneider-iem3155", "eastron-sdm630"}


def test_schneider_registers(profile: Profile) -> None:
    assert profile.registers[Quantity.CONSUMED].address == 3203
    assert profile.registers[Quantity.PRODUCED].address == 3207
    assert plan_blocks(profile)[0] == Block(3, 3203, 8), "counters first, in one request"
    reading = decode(profile, words(profile, produced=1_234, consumed=5_678, active_power=1.5))
    assert reading.produced_mwh == 1_234_000
    assert reading.consumed_mwh == 5_678_000
    assert reading.active_power_mw == -1_500_000


def test_eastron_is_read_at_once() -> None:
    profile = load_profile("eastron-sdm630", Path())
    assert plan_blocks(profile) == (Block(4, 0x2A, 0x4C - 0x2A),)


@given(st.floats(width=32, min_value=0, max_value=1e9))
def test_float_counters_are_exact_and_rounded_down(kwh: float) -> None:
    profile = load_profile("eastron-sdm630", Path())
    reading = decode(profile, words(profile, produced=kwh))
    exact = Fraction(kwh) * 1_000_000
    assert reading.produced_mwh <= exact < reading.produced_mwh + 1


@given(
    st.floats(width=32, min_value=0, max_value=1e9), st.floats(width=32, min_value=0, max_value=1e9)
)
def test_decoding_keeps_order(first: float, second: float) -> None:
    profile = load_profile("eastron-sdm630", Path())
    low, high = sorted((first, second))
    before = decode(profile, words(profile, produced=low)).produced_mwh
    assert before <= decode(profile, words(profile, produced=high)).produced_mwh


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("quantity", [Quantity.PRODUCED, Quantity.VOLTAGE])
def test_not_a_number_is_refused(quantity: Quantity, number: float) -> None:
    profile = load_profile("eastron-sdm630", Path())
    with pytest.raises(ReadingRefused) as caught:
        decode(profile, words(profile, **{quantity: number}))
    assert caught.value.reason == "not_a_number"


@pytest.mark.parametrize(
    ("quantity", "number"),
    [(Quantity.PRODUCED, -1.0), (Quantity.CONSUMED, 3e38), (Quantity.VOLTAGE, -230.0)],
)
def test_impossible_values_are_refused(quantity: Quantity, number: float) -> None:
    profile = load_profile("eastron-sdm630", Path())
    with pytest.raises(ReadingRefused) as caught:
        decode(profile, words(profile, **{quantity: number}))
    assert caught.value.reason == "out_of_range"


def test_not_available_of_int64_is_refused(profile: Profile) -> None:
    raw = words(profile)
    raw[Quantity.PRODUCED] = bytes.fromhex("8000000000000000")
    with pytest.raises(ReadingRefused):
        decode(profile, raw)


@given(st.integers(0, 2**32 - 1))
def test_word_order(value: int) -> None:
    base = load_profile("schneider-iem3155", Path())
    register = Register(0, RegisterType.UINT32, Fraction(1))
    profile = replace(
        base, little_words=True, registers={**base.registers, Quantity.PRODUCED: register}
    )
    raw = words(base)
    raw[Quantity.PRODUCED] = struct.pack(">HH", value & 0xFFFF, value >> 16)
    assert decode(profile, raw).produced_mwh == value


@given(
    st.lists(st.integers(0, 300), min_size=6, max_size=6, unique=True),
    st.integers(4, 125),
    st.integers(0, 125),
)
def test_plan_reads_every_register_whole(addresses: list[int], largest: int, gap: int) -> None:
    base = load_profile("schneider-iem3155", Path())
    profile = replace(
        base,
        largest_block=largest,
        largest_gap=gap,
        registers={
            quantity: Register(4 * address, RegisterType.INT64, Fraction(1))
            for quantity, address in zip(Quantity, addresses, strict=True)
        },
    )
    blocks = plan_blocks(profile)
    for register in profile.registers.values():
        assert any(
            b.address <= register.address and register.address + 4 <= b.address + b.count
            for b in blocks
        )
    assert all(block.count <= largest for block in blocks)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('unit = "kWh"', 'unit = "Wh "', r"registers\.consumed\.unit: write one of Wh, kWh"),
        ("number = 0x0048", "number = 70000", r"registers\.consumed\.number: write a whole"),
        ("cumulative = true", "cumulative = false", r"registers\.consumed\.cumulative"),
        ('scale = "-1"', 'scale = "1/0"', r"registers\.active_power\.scale: write an exact"),
        ('scale = "-1"', 'scale = "0"', r"registers\.active_power\.scale: write a number other"),
        ("[registers.voltage]", "[registers.volts]", r"registers\.voltage: missing"),
        ("pages =", "page =", r"source\.pages: missing"),
        ("largest_gap = 16", "largest_gapp = 16", "largest_gapp: unknown key"),
    ],
)
def test_a_mistake_in_a_profile_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    shipped = Path(__file__).parents[2] / "edge/src/gridtokenx_edge/meters/profiles"
    text = (shipped / "eastron-sdm630.toml").read_text()
    assert old in text
    (tmp_path / "own.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=problem):
        load_profile("own.toml", tmp_path)
