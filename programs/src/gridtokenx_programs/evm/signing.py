"""Signatures as Ethereum's `ecrecover` takes them."""

from coincurve import PrivateKey

from gridtokenx_programs.evm.words import ADDRESS, keccak

_ETHEREUM_V = 27


def address_of_key(key: PrivateKey) -> bytes:
    """The 20 bytes by which contracts know the owner of a secp256k1 key (Yellow Paper, 4.1)."""
    return keccak(key.public_key.format(compressed=False)[1:])[-ADDRESS:]


def sign(key: PrivateKey, digest: bytes) -> bytes:
    """65 bytes, r, s and v, with low s; the same digest has always the same (RFC 6979)."""
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:-1] + bytes([signature[-1] + _ETHEREUM_V])
