"""The signing key as a file: PKCS #8 in PEM, readable by its owner alone."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gridtokenx_edge.errors import KeyFileError
from gridtokenx_edge.keystore.files import create_private_file, read_private_file
from gridtokenx_protocol.keys import Algorithm, Signer, SoftwareSigner


def create_signing_key(path: Path, algorithm: Algorithm) -> Signer:
    """Draw a new key and write it; the private part is never shown.

    Raises:
        KeyFileError: The file exists or cannot be written.
    """
    key = (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm is Algorithm.ED25519
        else ec.generate_private_key(ec.SECP256R1())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    create_private_file(path, pem)
    return SoftwareSigner(key)


def load_signer(path: Path) -> Signer:
    """Open the signing key.

    Raises:
        KeyFileError: The file is missing, open to others, or holds no key of ours.
    """
    try:
        key = load_pem_private_key(read_private_file(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # nothing of the content is repeated: it may be a damaged key
        raise KeyFileError(f"{path} holds no PEM private key; restore or replace it") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return SoftwareSigner(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return SoftwareSigner(key)
    raise KeyFileError(f"{path} holds another kind of key; use Ed25519 or P-256")
