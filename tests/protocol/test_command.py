"""What the hub asks of a device."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol import cose
from gridtokenx_protocol.ack import Ack, open_ack
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.command import Command, CommandKind, open_command, sign_command
from gridtokenx_protocol.errors import BadSignature, Malformed, ProtocolError
from gridtokenx_protocol.keys import SoftwareSigner

from .strategies import U64

HUB = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([9] * 32)))
P256 = SoftwareSigner(ec.derive_private_key(9, ec.SECP256R1()))
COMMAND = Command(bytes(4), bytes(16), 1, 2, CommandKind.SEND_AGAIN, 3)

commands = st.builds(
    lambda base, first: replace(
        base,
        kind=CommandKind.SEND_AGAIN if first else CommandKind.READ_NOW,
        from_sequence=first,
    ),
    st.builds(
        Command,
        deployment=st.binary(min_size=4, max_size=4),
        meter_id=st.binary(min_size=16, max_size=16),
        number=U64,
        expires_ms=U64,
        kind=st.just(CommandKind.READ_NOW),
    ),
    U64,
)


@given(commands, st.sampled_from([HUB, P256]))
def test_what_was_signed_is_opened(command: Command, signer: SoftwareSigner) -> None:
    message = sign_command(command, signer)
    assert open_command(message, signer.algorithm, signer.public_key) == command


@given(st.binary(max_size=120), st.integers(0, 60))
def test_garbage_is_refused_by_name(garbage: bytes, keep: int) -> None:
    data = COMMAND.encode()[:keep] + garbage
    try:
        command = Command.decode(data)
    except ProtocolError:
        return
    assert command.encode() == data


def test_a_command_of_another_key_is_refused() -> None:
    with pytest.raises(BadSignature):
        open_command(sign_command(COMMAND, P256), HUB.algorithm, HUB.public_key)


def test_neither_an_ack_nor_a_command_is_taken_for_the_other() -> None:
    ack = cose.sign(Ack(bytes(4), bytes(16), 1, 2, bytes(32), 3).encode(), HUB)
    with pytest.raises(Malformed):
        open_command(ack, HUB.algorithm, HUB.public_key)
    with pytest.raises(Malformed):
        open_ack(sign_command(COMMAND, HUB), HUB.algorithm, HUB.public_key)


def test_an_unknown_kind_asks_for_a_newer_agent() -> None:
    fields = {0: 1, 1: bytes(4), 2: bytes(16), 3: 1, 4: 2, 5: 99, 6: 0}
    with pytest.raises(Malformed, match="update it"):
        Command.decode(encode_map(fields))


@pytest.mark.parametrize(
    "changed",
    [
        {"meter_id": bytes(15)},
        {"deployment": bytes(5)},
        {"number": -1},
        {"expires_ms": 2**64},
        {"from_sequence": 0},
        {"kind": CommandKind.READ_NOW},
    ],
)
def test_fields_are_checked_when_a_command_is_made(changed: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(COMMAND, **changed)
