"""Base58, against solders where that has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from gridtokenx_hub import base58


@given(st.binary(max_size=300))
def test_there_and_back(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@given(st.binary(min_size=32, max_size=32))
def test_as_others_write_it(data: bytes) -> None:
    assert base58.encode(data) == str(Pubkey(data))
    assert base58.decode(str(Pubkey(data))) == data


@pytest.mark.parametrize(
    ("text", "character", "index"), [("0", "0", 0), ("1l", "l", 1), ("zzé0", "é", 2)]
)
def test_the_character_that_is_none_of_its_is_named(text: str, character: str, index: int) -> None:
    with pytest.raises(ValueError, match=f"character: '{character}', index: {index} "):
        base58.decode(text)
