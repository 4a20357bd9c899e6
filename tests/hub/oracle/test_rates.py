"""Rates are read exactly, or refused by name."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_hub.oracle.documents import instant, look_up, read_json
from gridtokenx_hub.oracle.errors import SourceError
from gridtokenx_hub.oracle.rates import MAX_MICRO_THB_PER_GRX, micro_thb

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (10, 10_000_000),
        (Decimal("10.0"), 10_000_000),
        (Decimal("0.000001"), 1),
        (Decimal("9.9999999"), 9_999_999),
        ("10.25", 10_250_000),
        (Decimal(1_000_000), MAX_MICRO_THB_PER_GRX),
        (Decimal("1e1"), 10_000_000),
        (Decimal("33.33333333333333333333333333333333333333333333333"), 33_333_333),
        (Decimal("10." + "9" * 5_000), 10_999_999),
    ],
)
def test_what_is_a_rate(told: object, expected: int) -> None:
    assert micro_thb(told) == expected


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (None, "not_a_number"),
        (True, "not_a_number"),
        (10.0, "not_a_number"),
        ([10], "not_a_number"),
        ({"rate": 10}, "not_a_number"),
        ("", "not_a_number"),
        ("ten", "not_a_number"),
        ("1,000", "not_a_number"),
        ("1e1", "not_a_number"),
        (" 10", "not_a_number"),
        ("10\n", "not_a_number"),
        ("๑๐", "not_a_number"),
        ("NaN", "not_a_number"),
        (Decimal("NaN"), "not_a_number"),
        (Decimal("sNaN"), "not_a_number"),
        (Decimal("Infinity"), "not_a_number"),
        (0, "not_positive"),
        (Decimal("-0.0"), "not_positive"),
        (-10, "not_positive"),
        ("-10", "not_positive"),
        (Decimal("0.0000001"), "absurd"),
        (Decimal("1e-999999"), "absurd"),
        (Decimal("1000000.000001"), "absurd"),
        (Decimal("1e999999"), "absurd"),
    ],
)
def test_what_is_none(told: object, fault: str) -> None:
    with pytest.raises(SourceError) as refused:
        micro_thb(told)
    assert refused.value.fault == fault


@given(st.integers(1, MAX_MICRO_THB_PER_GRX))
def test_whole_micro_baht_come_through_as_they_are(rate: int) -> None:
    assert micro_thb(Decimal(rate).scaleb(-6)) == rate


def fault_of(work: Callable[[], object]) -> str | None:
    """The fault by its name, None of work that is done; anything else is a defect."""
    try:
        work()
    except SourceError as error:
        return error.fault
    return None


@given(JSON_VALUES)
def test_whatever_it_is_a_rate_or_a_named_fault_comes_of_it(told: object) -> None:
    named = {None, "not_a_number", "not_positive", "absurd"}
    assert fault_of(lambda: micro_thb(told)) in named


@given(JSON_VALUES)
def test_whatever_it_is_an_instant_or_a_named_fault_comes_of_it(told: object) -> None:
    assert fault_of(lambda: instant(told)) in {None, "no_time"}


@given(st.binary())
def test_whatever_is_sent_it_is_json_or_a_named_fault(body: bytes) -> None:
    assert fault_of(lambda: read_json(body)) in {None, "not_json"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5_000, b"1e9999999999999999999", b"<html>"],
)
def test_no_json(body: bytes) -> None:
    with pytest.raises(SourceError) as refused:
        read_json(body)
    assert refused.value.fault == "not_json"


def test_numbers_in_json_are_exact() -> None:
    found = look_up(read_json(b'{"data": [{"last": 10.10}]}'), "data.0.last")
    assert micro_thb(found) == 10_100_000


@pytest.mark.parametrize("path", ["data.0.last", "/data/0/last"])
def test_both_kinds_of_path(path: str) -> None:
    assert look_up({"data": [{"last": 7}]}, path) == 7


def test_a_pointer_reaches_names_with_dots_and_slashes() -> None:
    assert look_up({"a.b": {"c/d~": 7}}, "/a.b/c~1d~0") == 7


@pytest.mark.parametrize(
    "path", ["rate", "data.1", "data.-1", "data.0.last.x", "data.first", "/data/²", "", "data..0"]
)
def test_a_path_to_nothing(path: str) -> None:
    with pytest.raises(SourceError) as refused:
        look_up({"data": [{"last": 7}]}, path)
    assert refused.value.fault == "no_such_path"
