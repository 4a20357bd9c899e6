"""Acks beyond the vectors."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol.ack import Ack, open_ack, sign_ack
from gridtokenx_protocol.errors import BadSignature, Malformed, ProtocolError
from gridtokenx_protocol.keys import SoftwareSigner

from .strategies import U64

HUB = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([9] * 32)))
STRANGER = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([8] * 32)))
P256 = SoftwareSigner(ec.derive_private_key(9, ec.SECP256R1()))

acks = st.builds(
    Ack,
    deployment=st.binary(min_size=4, max_size=4),
    meter_id=st.binary(min_size=16, max_size=16),
    epoch=U64,
    sequence=U64,
    hash=st.binary(min_size=32, max_size=32),
    time_ms=U64,
)
ACK = Ack(bytes(4), bytes(16), 1, 2, bytes(32), 3)


@given(acks, st.sampled_from([HUB, P256]))
def test_what_was_signed_is_opened(ack: Ack, signer: SoftwareSigner) -> None:
    assert open_ack(sign_ack(ack, signer), signer.algorithm, signer.public_key) == ack


@given(st.binary(max_size=120), st.integers(0, 90))
def test_garbage_is_refused_by_name(garbage: bytes, keep: int) -> None:
    data = ACK.encode()[:keep] + garbage
    try:
        ack = Ack.decode(data)
    except ProtocolError:
        return
    assert ack.encode() == data


def test_an_ack_of_another_key_is_refused() -> None:
    with pytest.raises(BadSignature):
        open_ack(sign_ack(ACK, STRANGER), HUB.algorithm, HUB.public_key)


def test_numbers_and_sizes_are_checked_when_an_ack_is_made() -> None:
    with pytest.raises(Malformed):
        Ack(bytes(4), bytes(16), -1, 2, bytes(32), 3)
    with pytest.raises(Malformed):
        Ack(bytes(4), bytes(16), 1, 2**64, bytes(32), 3)
    with pytest.raises(Malformed):
        Ack(bytes(4), bytes(15), 1, 2, bytes(32), 3)
