"""What a device says of itself."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol.errors import Malformed, ProtocolError
from gridtokenx_protocol.status import MAX_TEXT, Status

from .strategies import U64

TEXT = st.text(min_size=1, max_size=MAX_TEXT)
STATUS = Status(bytes(4), True, 1, 2, 3, "0.1.0", "eastron-sdm630")

statuses = st.builds(
    Status,
    deployment=st.binary(min_size=4, max_size=4),
    online=st.booleans(),
    session=U64,
    oldest_sequence=U64,
    last_sequence=U64,
    version=TEXT,
    profile=TEXT,
)


@given(statuses)
def test_what_was_said_is_understood(status: Status) -> None:
    assert Status.decode(status.encode()) == status


@given(st.binary(max_size=120), st.integers(0, 60))
def test_garbage_is_refused_by_name(garbage: bytes, keep: int) -> None:
    data = STATUS.encode()[:keep] + garbage
    try:
        status = Status.decode(data)
    except ProtocolError:
        return
    assert status.encode() == data


@pytest.mark.parametrize(
    "changed",
    [
        {"deployment": bytes(5)},
        {"online": 1},
        {"session": -1},
        {"last_sequence": 2**64},
        {"oldest_sequence": True},
        {"version": ""},
        {"profile": "x" * (MAX_TEXT + 1)},
    ],
)
def test_fields_are_checked_when_a_status_is_made(changed: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(STATUS, **changed)
