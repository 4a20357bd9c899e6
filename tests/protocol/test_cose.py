"""Messages beyond the vectors: signing, one byte form, and garbage."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_protocol import cose
from gridtokenx_protocol.errors import BadSignature, Malformed, ProtocolError, UnknownAlgorithm
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner

ED25519 = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([7] * 32)))
P256 = SoftwareSigner(ec.derive_private_key(7, ec.SECP256R1()))
MESSAGE = cose.sign(bytes(120), ED25519)


@pytest.mark.parametrize("signer", [ED25519, P256], ids=["ed25519", "p256"])
@pytest.mark.parametrize("size", [0, 1, 23, 24, 119, 120, 255, 256, 3_840, 16_384])
def test_a_signed_message_decodes_and_verifies(signer: SoftwareSigner, size: int) -> None:
    payload = bytes(size)
    signed = cose.decode(cose.sign(payload, signer))
    cose.verify(signed, signer.algorithm, signer.public_key)
    assert signed.payload == payload
    assert signed.cose_algorithm == {Algorithm.ED25519: -8, Algorithm.P256: -7}[signer.algorithm]


def test_sig_structure_of_a_record_is_19_bytes_and_the_record() -> None:
    record = bytes(range(120))
    for algorithm, encoded in ((-8, 0x27), (-19, 0x32), (-7, 0x26), (-9, 0x28)):
        message = cose.signed_record_message(algorithm, record)
        head = b"\x84\x6aSignature1\x43\xa1\x01" + bytes([encoded]) + b"\x40\x58\x78"
        assert message == head + record
        assert len(message) == 139


def test_a_message_for_the_chain_is_one_record_and_a_known_algorithm() -> None:
    with pytest.raises(Malformed):
        cose.signed_record_message(-8, bytes(121))
    with pytest.raises(UnknownAlgorithm):
        cose.signed_record_message(-35, bytes(120))


def test_a_payload_that_is_too_large_is_not_signed() -> None:
    with pytest.raises(Malformed, match="at most"):
        cose.sign(bytes(16_385), ED25519)


def test_every_byte_of_a_message_counts() -> None:
    for position in range(len(MESSAGE)):
        altered = bytearray(MESSAGE)
        altered[position] ^= 1
        with pytest.raises(ProtocolError):
            cose.verify(cose.decode(bytes(altered)), ED25519.algorithm, ED25519.public_key)


def test_every_cut_of_a_message_is_refused() -> None:
    for size in range(len(MESSAGE)):
        with pytest.raises(Malformed):
            cose.decode(MESSAGE[:size])


@given(st.binary(max_size=300), st.sampled_from([0, 5, 6, 9, 17, 19, 20, 139, 141]))
def test_garbage_is_refused_by_name(garbage: bytes, keep: int) -> None:
    message = MESSAGE[:keep] + garbage
    if message == MESSAGE:
        return
    with pytest.raises((Malformed, UnknownAlgorithm, BadSignature)):
        cose.verify(cose.decode(message), ED25519.algorithm, ED25519.public_key)


class _HighS:
    """A chip that does not care for low-S."""

    algorithm = P256.algorithm
    public_key = P256.public_key

    def sign(self, message: bytes) -> bytes:
        n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        signature = P256.sign(message)
        return signature[:32] + (n - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def test_a_signature_that_the_chain_would_refuse_is_not_sent() -> None:
    with pytest.raises(BadSignature, match="low-S"):
        cose.sign(b"payload", _HighS())
