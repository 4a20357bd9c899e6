"""Exact decoding."""

import math
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.meters import (
    NotAvailable,
    Profile,
    Quantity,
    Register,
    RegisterType,
    decode_quantity,
    load_profile,
)

SDM630 = load_profile("eastron-sdm630", Path())
INTEGERS = [kind for kind in RegisterType if kind.startswith(("int", "uint"))]


def produced(kwh: float) -> int:
    return decode_quantity(SDM630, Quantity.PRODUCED, struct.pack(">f", kwh))


def with_register(quantity: Quantity, register: Register, profile: Profile = SDM630) -> Profile:
    return replace(profile, registers={**profile.registers, quantity: register})


@given(st.floats(width=32, min_value=0, max_value=1e9))
def test_float_counters_are_exact_and_rounded_down(kwh: float) -> None:
    exact = Fraction(kwh) * 1_000_000
    assert produced(kwh) <= exact < produced(kwh) + 1


@given(
    st.floats(width=32, min_value=0, max_value=1e9), st.floats(width=32, min_value=0, max_value=1e9)
)
def test_decoding_keeps_order(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert produced(low) <= produced(high)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("quantity", [Quantity.PRODUCED, Quantity.VOLTAGE])
def test_not_a_number_is_refused(quantity: Quantity, number: float) -> None:
    with pytest.raises(ReadingRefused) as caught:
        decode_quantity(SDM630, quantity, struct.pack(">f", number))
    assert caught.value.reason == "not_a_number"


@pytest.mark.parametrize(
    ("quantity", "number"),
    [(Quantity.PRODUCED, -1.0), (Quantity.CONSUMED, 3e38), (Quantity.VOLTAGE, -230.0)],
)
def test_impossible_values_are_refused(quantity: Quantity, number: float) -> None:
    with pytest.raises(ReadingRefused) as caught:
        decode_quantity(SDM630, quantity, struct.pack(">f", number))
    assert caught.value.reason == "out_of_range"


@given(st.sampled_from(INTEGERS), st.data(), st.booleans())
def test_integers_and_word_order(kind: RegisterType, data: st.DataObject, little: bool) -> None:
    signed = not kind.startswith("u")
    bits = 16 * kind.words
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    value = data.draw(st.integers(low, high))
    words = struct.unpack(f">{kind.words}H", value.to_bytes(2 * kind.words, "big", signed=signed))
    register = Register(3, (0,), kind, Fraction(1, 2**20))
    profile = replace(with_register(Quantity.ACTIVE_POWER, register), little_words=little)
    raw = struct.pack(f">{kind.words}H", *(reversed(words) if little else words))
    assert decode_quantity(profile, Quantity.ACTIVE_POWER, raw) == round(Fraction(value, 2**20))


def test_thousandths_that_do_not_make_a_number_are_refused() -> None:
    em340 = load_profile("carlo-gavazzi-em340", Path())
    with pytest.raises(ReadingRefused, match="1000 thousandths"):
        decode_quantity(em340, Quantity.CONSUMED, bytes.fromhex("04d2000003e80000"))


@pytest.mark.parametrize(
    ("kind", "mark", "raw"),
    [
        (RegisterType.INT16, NotAvailable.HIGHEST, "7fff"),
        (RegisterType.INT16, NotAvailable.LOWEST, "8000"),
        (RegisterType.INT32, NotAvailable.HIGHEST, "7fffffff"),
        (RegisterType.INT64, NotAvailable.LOWEST, "8000000000000000"),
        (RegisterType.UINT32, NotAvailable.HIGHEST, "ffffffff"),
        (RegisterType.UINT64, NotAvailable.LOWEST, "ffffffffffffffff"),
    ],
)
def test_the_mark_for_no_value(kind: RegisterType, mark: NotAvailable, raw: str) -> None:
    register = Register(3, (0,), kind, Fraction(1, 2**40))
    profile = with_register(Quantity.ACTIVE_POWER, register)
    decode_quantity(profile, Quantity.ACTIVE_POWER, bytes.fromhex(raw))
    with pytest.raises(ReadingRefused) as caught:
        decode_quantity(
            replace(profile, not_available=mark), Quantity.ACTIVE_POWER, bytes.fromhex(raw)
        )
    assert caught.value.reason == "not_available"


def test_phases_are_averaged_and_missing_ones_left_out() -> None:
    register = Register(3, (0, 2, 4), RegisterType.FLOAT32, Fraction(1_000))
    profile = with_register(Quantity.VOLTAGE, register)
    whole = struct.pack(">fff", 229, 230, 232)
    assert decode_quantity(profile, Quantity.VOLTAGE, whole) == 230_333
    partial = struct.pack(">fff", 229, math.nan, 232)
    assert decode_quantity(profile, Quantity.VOLTAGE, partial) == 230_500
    with pytest.raises(ReadingRefused):
        decode_quantity(profile, Quantity.VOLTAGE, struct.pack(">fff", *[math.nan] * 3))
    optional = with_register(Quantity.VOLTAGE, replace(register, optional=True))
    nothing = struct.pack(">fff", *[math.nan] * 3)
    assert decode_quantity(optional, Quantity.VOLTAGE, nothing) == 0


@pytest.mark.parametrize("exponent", [-10, -3, 0, 4, 8])
def test_a_scale_factor_is_a_power_of_ten(exponent: int) -> None:
    register = Register(3, (0,), RegisterType.INT16, Fraction(10**10), scale_address=9)
    profile = with_register(Quantity.ACTIVE_POWER, register)
    raw = struct.pack(">hh", -7, exponent)
    assert decode_quantity(profile, Quantity.ACTIVE_POWER, raw) == -7 * 10 ** (10 + exponent)


@pytest.mark.parametrize(
    ("exponent", "reason"), [(-11, "bad_scale"), (11, "bad_scale"), (-0x8000, "not_available")]
)
def test_an_impossible_scale_factor_is_refused(exponent: int, reason: str) -> None:
    register = Register(3, (0,), RegisterType.INT16, Fraction(1), scale_address=9)
    profile = with_register(Quantity.ACTIVE_POWER, register)
    with pytest.raises(ReadingRefused) as caught:
        decode_quantity(profile, Quantity.ACTIVE_POWER, struct.pack(">hh", 1, exponent))
    assert caught.value.reason == reason
