"""Keys beyond the vectors."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_core_ed25519_is_valid_point

from gridtokenx_protocol.errors import BadKey, BadSignature
from gridtokenx_protocol.keys import (
    Algorithm,
    SoftwareSigner,
    check_low_s,
    check_public_key,
    check_signature_form,
)


@given(st.binary(min_size=32, max_size=32))
def test_every_ed25519_key_is_accepted(seed: bytes) -> None:
    SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(seed))


@settings(max_examples=300)
@given(st.binary(min_size=32, max_size=32))
def test_libsodium_accepts_no_point_that_is_refused_here(data: bytes) -> None:
    """libsodium asks more (the main subgroup), so it can only accept fewer."""
    try:
        check_public_key(Algorithm.ED25519, data)
    except BadKey:
        assert not crypto_core_ed25519_is_valid_point(data)


@given(st.integers(1, 2**255))
def test_p256_signatures_are_low_s(secret: int) -> None:
    signer = SoftwareSigner(ec.derive_private_key(secret, ec.SECP256R1()))
    signature = signer.sign(b"message")
    check_low_s(signature)
    assert len(signer.public_key) == 33


def test_openssl_accepts_what_is_refused_here() -> None:
    """The reason for these checks; when this fails, OpenSSL has become as strict as the chain."""
    order_one = (1).to_bytes(32, "little")
    key = ed25519.Ed25519PublicKey.from_public_bytes(order_one)
    forged = bytes.fromhex("58" + "66" * 31) + (1).to_bytes(32, "little")
    try:
        key.verify(forged, b"any message at all")
    except InvalidSignature:
        pytest.fail("OpenSSL refuses small-order keys now")
    with pytest.raises(BadKey, match="small order"):
        check_public_key(Algorithm.ED25519, order_one)


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_has_64_bytes(algorithm: Algorithm, size: int) -> None:
    with pytest.raises(BadSignature, match="64"):
        check_signature_form(algorithm, bytes(size))


def test_openssl_makes_both_forms_of_s_and_one_is_accepted() -> None:
    private_key = ec.derive_private_key(5, ec.SECP256R1())
    forms = set()
    for attempt in range(64):
        r, s = decode_dss_signature(private_key.sign(bytes([attempt]), ec.ECDSA(hashes.SHA256())))
        try:
            check_low_s(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
            forms.add("low")
        except BadSignature:
            forms.add("high")
    assert forms == {"low", "high"}
