"""Units: exact both ways, and no games with digits."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol.errors import UnitError
from gridtokenx_protocol.units import (
    LOT_MWH,
    MWH_PER_KWH,
    format_grx,
    format_kwh,
    parse_grx,
    parse_kwh,
    quote,
)

from .strategies import U64


@given(U64)
def test_formatting_and_parsing_give_back_the_number(millionths: int) -> None:
    assert parse_kwh(format_kwh(millionths)) == millionths
    assert parse_grx(str(format_grx(millionths))) == millionths


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("10.0", 10_000_000),
        ("0", 0),
        ("0.000001", 1),
        ("00.5", 500_000),
        (3, 3_000_000),
        (Decimal("3.25"), 3_250_000),
        (Decimal("0.000001"), 1),
        ("18446744073709.551615", 2**64 - 1),
    ],
)
def test_parsing(given_value: Any, expected: int) -> None:
    assert parse_kwh(given_value) == expected
    assert parse_grx(given_value) == expected


@pytest.mark.parametrize(
    "bad",
    [
        "", " ", "1 ", " 1", "1\n", "-1", "+1", "-0", ".5", "5.", "1,5", "1_000", "0x10", "1e3",
        "18446744073709.551616", "1E-3", "NaN",
        "Infinity", "inf", "1.0000001", "1.0000000", "10" * 30,
        "١٢", "½", "1.5.2", "true", Decimal("1E+3"), Decimal("NaN"), Decimal("sNaN"),
        Decimal("Infinity"), Decimal(-1), Decimal("-0"), Decimal("1.0000001"),
        Decimal("1E+999999"), Decimal("1E-999999"), -1, 2**64, 10**5_000, True, False, 1.5, None,
        b"1", [],
    ],
    ids=lambda bad: repr(bad)[:30] if not isinstance(bad, int) else f"int of {bad.bit_length()}",
)  # fmt: skip
def test_what_is_no_plain_decimal_is_refused(bad: Any) -> None:
    with pytest.raises(UnitError):
        parse_kwh(bad)
    with pytest.raises(UnitError):
        parse_grx(bad)


@pytest.mark.parametrize(
    ("millionths", "expected"),
    [(0, "0.0"), (10_000_000, "10.0"), (1, "0.000001"), (2_250_000, "2.25"), (-1_500_000, "-1.5")],
)
def test_formatting_keeps_one_fraction_digit(millionths: int, expected: str) -> None:
    assert str(format_kwh(millionths)) == str(format_grx(millionths)) == expected


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8), st.integers(0, 10**10))
def test_parts_of_an_order_add_up_to_the_whole(lots: list[int], price: int) -> None:
    filled = [0]
    for count in lots:
        filled.append(filled[-1] + count * LOT_MWH)
    payments = [quote(after, price) - quote(before, price) for before, after in pairwise(filled)]
    assert sum(payments) == quote(filled[-1], price)
    assert all(payment >= 0 for payment in payments)


@given(U64, U64)
def test_a_quote_is_the_exact_price_rounded_up(amount: int, price: int) -> None:
    try:
        result = quote(amount, price)
    except UnitError:
        assert amount * price > (2**64 - 1) * MWH_PER_KWH
        return
    assert 0 <= result * MWH_PER_KWH - amount * price < MWH_PER_KWH


@pytest.mark.parametrize(("amount", "price"), [(-1, 1), (1, -1), (2**64, 1), (1, 2**64)])
def test_a_quote_of_what_is_no_u64_is_refused(amount: int, price: int) -> None:
    with pytest.raises(UnitError):
        quote(amount, price)
