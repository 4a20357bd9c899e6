"""A decoding rule says the same to whoever reads it: the device, and whoever checks it later."""

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol.cbor import decode_map, encode_map
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.registers import (
    DecodingRule,
    NotAvailable,
    RegisterType,
    decode_registers,
)

RULES = st.builds(
    DecodingRule,
    type=st.sampled_from(RegisterType),
    little_words=st.booleans(),
    not_available=st.sampled_from(NotAvailable),
    phases=st.integers(1, 3),
    numerator=st.integers(-(10**9), 10**9),
    denominator=st.integers(1, 10**6),
    scale_follows=st.booleans(),
    rounds_down=st.booleans(),
    optional=st.booleans(),
)


THOUSANDTHS: dict[str, object] = {
    "type": RegisterType.THOUSANDTHS64,
    "little_words": True,
    "not_available": NotAvailable.HIGHEST,
    "numerator": 1_000_000,
}


def rule(**changes: object) -> DecodingRule:
    fields: dict[str, object] = {
        "type": RegisterType.INT16,
        "little_words": False,
        "not_available": NotAvailable.LOWEST,
        "phases": 1,
        "numerator": 1,
        "denominator": 1,
        "scale_follows": False,
        "rounds_down": False,
        "optional": False,
    }
    return DecodingRule(**(fields | changes))  # type: ignore[arg-type] - each has its own type


@given(RULES)
def test_a_rule_survives_being_signed(given_rule: DecodingRule) -> None:
    signed = encode_map({"decoding": given_rule.signed_form()})
    assert DecodingRule.from_signed_form(decode_map(signed)["decoding"]) == given_rule


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        "int16",
        [*rule().signed_form(), 1],
        rule().signed_form()[:-1],
        ["int12", *rule().signed_form()[1:]],
        ["int16", False, "never", *rule().signed_form()[3:]],
        rule(phases=0).signed_form(),
        rule(denominator=0).signed_form(),
        rule(denominator=-1).signed_form(),
        rule(phases="1").signed_form(),
        rule(little_words=1).signed_form(),
    ],
)
def test_what_is_no_rule(fields: object) -> None:
    with pytest.raises(Malformed):
        DecodingRule.from_signed_form(fields)


@pytest.mark.parametrize(
    ("changes", "raw", "value"),
    [
        ({}, "0001", 1),
        ({}, "ffff", -1),
        ({}, "8000", None),
        ({"optional": True}, "8000", 0),
        ({"not_available": NotAvailable.NONE}, "8000", -32_768),
        ({"phases": 2}, "00018000", 1),
        ({"phases": 2}, "00010002", 2),
        ({"phases": 2, "rounds_down": True}, "00010002", 1),
        ({"phases": 2}, "00020003", 2),
        ({"scale_follows": True, "numerator": 1000}, "0007fffe", 70),
        ({"scale_follows": True}, "00078000", None),
        ({"type": RegisterType.UINT32, "little_words": True}, "00010002", 0x20001),
        ({"type": RegisterType.FLOAT32, "numerator": 1_000_000}, "3f800000", 1_000_000),
        ({"type": RegisterType.FLOAT32}, "7fc00000", None),
        ({"numerator": -1, "denominator": 2, "rounds_down": True}, "0001", -1),
        (THOUSANDTHS, "04d2000002370000", 1_234_567_000),
        (THOUSANDTHS | {"little_words": False}, "000004d200000237", 1_234_567_000),
        (THOUSANDTHS, "04d2000003e70000", 1_234_999_000),
        (THOUSANDTHS, "ffff7fff02370000", None),
        (THOUSANDTHS, "04d20000ffff7fff", None),
    ],
)
def test_values(changes: dict[str, object], raw: str, value: int | None) -> None:
    assert decode_registers(rule(**changes), bytes.fromhex(raw)) == value


@pytest.mark.parametrize("raw", ["", "00", "000100", "00010001"])
def test_other_numbers_of_bytes(raw: str) -> None:
    with pytest.raises(Malformed):
        decode_registers(rule(), bytes.fromhex(raw))


def test_a_power_of_ten_that_no_meter_has() -> None:
    with pytest.raises(Malformed):
        decode_registers(rule(scale_follows=True), bytes.fromhex("0001000b"))


@pytest.mark.parametrize("thousandths", ["e8030000", "03e80000", "ffffffff"])
def test_thousandths_that_do_not_make_a_number(thousandths: str) -> None:
    with pytest.raises(Malformed, match="thousandths"):
        decode_registers(rule(**THOUSANDTHS), bytes.fromhex("04d20000" + thousandths))


@given(st.floats(width=32, min_value=0, max_value=1e9), st.integers(1, 10**6))
def test_floats_are_exact(value: float, factor: int) -> None:
    raw = struct.pack(">f", value)
    shown = decode_registers(
        rule(type=RegisterType.FLOAT32, numerator=factor, rounds_down=True), raw
    )
    assert shown == int(Fraction(value) * factor)
