"""Signatures as Ethereum's `ecrecover` takes them."""

from coincurve import PrivateKey, PublicKey

from gridtokenx_programs.evm.words import ADDRESS, keccak

SIGNATURE = 65
_ETHEREUM_V = 27


def address_of_key(key: PrivateKey) -> bytes:
    """The 20 bytes by which contracts know the owner of a secp256k1 key (Yellow Paper, 4.1)."""
    return _address_of(key.public_key)


def _address_of(key: PublicKey) -> bytes:
    return keccak(key.format(compressed=False)[1:])[-ADDRESS:]


def personal_digest(text: str) -> bytes:
    """The 32 bytes that a wallet signs of a text (EIP-191, version 0x45: `personal_sign`)."""
    data = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The address of who signed a digest, None when these are not 65 bytes that anybody signed."""
    if len(signature) != SIGNATURE or signature[-1] - _ETHEREUM_V not in (0, 1):
        return None
    recoverable = signature[:-1] + bytes([signature[-1] - _ETHEREUM_V])
    try:
        return _address_of(PublicKey.from_signature_and_message(recoverable, digest, hasher=None))
    except ValueError:
        return None


def sign(key: PrivateKey, digest: bytes) -> bytes:
    """65 bytes, r, s and v, with low s; the same digest has always the same (RFC 6979)."""
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:-1] + bytes([signature[-1] + _ETHEREUM_V])
